// Swagger UI over the description that the page names. `validatorUrl: null`: nobody else is asked about it.
const place = document.getElementById("swagger-ui");
window.ui = SwaggerUIBundle({
  domNode: place,
  url: place.dataset.description,
  docExpansion: "list",
  validatorUrl: null,
});
// Swagger UI names some controls otherwise than they read, some alike and some not at all.
new MutationObserver(() => {
  for (const button of place.querySelectorAll(".opblock-summary-control[aria-label]")) button.removeAttribute("aria-label");
  for (const region of place.querySelectorAll(".live-responses-table, .responses-table")) {
    if (region.getAttribute("role") === "region") region.removeAttribute("role");
  }
  for (const select of place.querySelectorAll("tr[data-param-name] select:not([aria-label])")) {
    select.setAttribute("aria-label", select.closest("tr").dataset.paramName);
  }
}).observe(place, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
