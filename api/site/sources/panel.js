// What Flask-Admin's templates write as inline handlers, which the panel's policy does not run.
document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-action], [data-add-row], [data-remove-row]");
  if (!target) return;
  if (target.dataset.action) window.modelActions.execute(target.dataset.action);
  else if (target.dataset.addRow) window.faForm.addInlineField(target, target.dataset.addRow);
  else target.closest(".inline-field").remove();
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
