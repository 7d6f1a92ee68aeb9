// Swagger UI over the description that the page names. `validatorUrl: null`: nobody else is asked about it.
const place = document.getElementById("swagger-ui");
window.ui = SwaggerUIBundle({
  domNode: place,
  url: place.dataset.description,
  docExpansion: "list",
  validatorUrl: null,
});
