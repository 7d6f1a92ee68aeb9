"""Starlette on uvicorn, given our own statement. As https://www.starlette.io/ writes an application."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tables import make_engine, our_page

engine = make_engine()


async def ours(request: Request) -> Response:
    """Answer one page, in the event loop."""
    page = int(request.query_params.get("page", 1))
    return Response(our_page(engine, request.url.query, page), media_type="application/json")


async def ready(_: Request) -> Response:
    """Tell that the server answers."""
    return PlainTextResponse("ready")


app = Starlette(
    routes=[Route("/ours/questions", ours), Route("/ready", ready)],
    middleware=[Middleware(CORSMiddleware, allow_origins=["*"])],
)
