"""The subject headings: topics a question stands under, and the technique it demonstrates."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """A slug with its name and one sentence."""

    slug: str
    name: str
    description: str


TOPICS = {
    heading.slug: heading
    for heading in (
        Heading("admin", "Admin panels", "Working on the tables through generated pages."),
        Heading("async", "Async", "`async def` views and what they give a WSGI application."),
        Heading("authentication", "Authentication", "Finding out who is calling."),
        Heading("authorization", "Authorization", "Deciding what the caller may do."),
        Heading("background-jobs", "Background jobs", "Work that outlives the request."),
        Heading("configuration", "Configuration", "Settings, where they come from, and checks."),
        Heading("database", "Databases", "Models, queries and transactions."),
        Heading("errors", "Errors", "Saying what went wrong, to people and to programs."),
        Heading("extensions", "Extensions", "Packages that plug into Flask, and their upkeep."),
        Heading("internationalization", "Internationalization", "Languages, dates and numbers."),
        Heading("migrations", "Migrations", "Changing tables that already hold rows."),
        Heading("operations", "Operations", "Running the application for others."),
        Heading("performance", "Performance", "Doing less work per request."),
        Heading("real-time", "Real time", "Telling clients without being asked."),
        Heading("requests", "Requests", "What happens around a view."),
        Heading("responses", "Responses", "What a view may return and what is sent."),
        Heading("rest", "REST APIs", "Resources, representations and their conventions."),
        Heading("routing", "Routing", "From an address to a view and back."),
        Heading("security", "Security", "Keeping an application out of harm."),
        Heading("serialization", "Serialization", "From objects to JSON."),
        Heading("sessions", "Sessions and cookies", "State that follows a browser."),
        Heading("templates", "Templates and pages", "The HTML side of Flask."),
        Heading("uploads", "Uploads", "Files from strangers."),
        Heading("validation", "Validation", "Refusing bad input clearly."),
        Heading("versioning", "Versioning", "Changing an API that others depend on."),
    )
}

TECHNIQUES = {
    heading.slug: heading
    for heading in (
        Heading(
            "api-versioning", "API versioning", "Two versions side by side, one of them going."
        ),
        Heading("async-views", "Async views", "Several waits at once inside one request."),
        Heading("caching", "Flask-Caching", "A stored answer, and the write that invalidates it."),
        Heading("celery", "Celery", "Tasks that run in a worker process."),
        Heading("configuration", "Configuration", "Typed settings from environment and file."),
        Heading("context-processors", "Context processors", "Values that every page gets."),
        Heading("cookies", "Cookies", "Setting, reading and deleting them with safe attributes."),
        Heading("cors", "CORS", "Letting a browser on another origin in, and no other."),
        Heading("create-all", "db.create_all()", "Tables in an empty database, and its limits."),
        Heading(
            "error-pages", "Error pages", "A page for a browser, problem details for a client."
        ),
        Heading("file-uploads", "File uploads", "Accepting files without trusting them."),
        Heading(
            "filtering-and-sorting", "Filtering and sorting", "Query strings on an allow-list."
        ),
        Heading("flask-admin", "Flask-Admin", "An admin panel over the real tables."),
        Heading("flask-assets", "Flask-Assets", "Bundled, minified, fingerprinted files."),
        Heading("flask-moment", "Flask-Moment", "Times shown in the reader's zone."),
        Heading("flask-principal", "Flask-Principal", "Identity, needs and permissions."),
        Heading("flask-restful", "Flask-RESTful", "Resource classes and their routes."),
        Heading("flask-restx", "Flask-RESTX", "Namespaces and generated Swagger."),
        Heading("flask-security", "Flask-Security", "Accounts for the site, whole."),
        Heading("internationalization", "Internationalization", "Four languages, two directions."),
        Heading("jsonify", "jsonify", "JSON from a plain view, and the provider behind it."),
        Heading("jwt-authentication", "JWT authentication", "Bearer tokens, refresh, revocation."),
        Heading("long-running-jobs", "Long-running jobs", "Progress, cancel, retry, survival."),
        Heading("marshal-with", "marshal_with", "A resource shaped by a table of fields."),
        Heading("migrations", "Migrations", "Revisions, upgrade, downgrade, drift."),
        Heading("object-permissions", "Object permissions", "Rights on one single thing."),
        Heading(
            "pagination", "Pagination", "Pages by number, pages by cursor, and what each costs."
        ),
        Heading("password-hashing", "Password hashing", "bcrypt, its factor and its limit."),
        Heading("problem-details", "Problem details", "Every error in one shape."),
        Heading("rate-limiting", "Rate limiting", "Quotas, how they are told, and strategies."),
        Heading("reqparse", "reqparse", "Flask-RESTful's parser beside its successor."),
        Heading("request-hooks", "Request hooks", "Code before and after every view."),
        Heading(
            "resource-class", "The Resource class", "One class, one address, verbs as methods."
        ),
        Heading("role-based-access", "Role-based access", "What each role may do."),
        Heading("sessions", "Sessions", "State in a signed cookie or on the server."),
        Heading("sqlalchemy", "SQLAlchemy", "Typed models, relationships, no N+1."),
        Heading("transactions", "Transactions", "All or nothing, and savepoints."),
        Heading("url-converters", "URL converters", "Values checked while routing."),
        Heading("url-for", "url_for", "Addresses built, never written."),
        Heading("websockets", "WebSockets", "Live changes with Flask-SocketIO."),
    )
}


def topic_heading(slug: str) -> Heading:
    """Return the heading of a topic; one that people brought along is named after its slug."""
    return TOPICS.get(slug) or Heading(slug, slug.replace("-", " ").capitalize(), "")
