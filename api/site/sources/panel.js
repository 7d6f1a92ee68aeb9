// What Flask-Admin's templates write as inline handlers, which the panel's policy does not run.
// A new row's fields get ids of their own, and its labels none.
const label = (rows) => {
  for (const group of rows.querySelectorAll(".fresh .form-group")) {
    const field = group.querySelector("input[id], select[id], textarea[id]");
    if (field) group.querySelector("label").htmlFor = field.id;
  }
};
document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-action], [data-add-row], [data-remove-row]");
  if (!target) return;
  if (target.dataset.action) window.modelActions.execute(target.dataset.action);
  else if (target.dataset.addRow) {
    window.faForm.addInlineField(target, target.dataset.addRow);
    label(target.closest(".inline-field"));
  } else target.closest(".inline-field").remove();
});
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
// What only works with the scripts is disabled until here: a click never falls on deaf ears. jQuery calls
// back in turn, so Flask-Admin's own functions, which wait for the same, have run by then.
window.jQuery(() => {
  for (const element of document.querySelectorAll("[data-waits]")) element.disabled = false;
});
// Flask-Admin's filters have no names, Select2 3's crosses neither, and a role that its element may not have.
const name = () => {
  for (const field of document.querySelectorAll(".filters :is(.filter-op, .filter-val):not([aria-label])")) {
    field.setAttribute("aria-label", field.closest("tr").querySelector(".remove-filter").lastChild.textContent.trim());
  }
  for (const cross of document.querySelectorAll(".select2-search-choice-close:not([aria-label])")) {
    cross.setAttribute("aria-label", `Remove ${cross.parentElement.textContent.trim()}`);
  }
  for (const field of document.querySelectorAll("input.select2-focusser[role=button]")) {
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-expanded", "false");
  }
};
window.jQuery(name);
new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
