"""Django REST Framework on gunicorn.

As https://www.django-rest-framework.org/tutorial/quickstart/ and
https://www.django-rest-framework.org/api-guide/pagination/#custom-pagination-styles write it;
`cached` as https://www.django-rest-framework.org/api-guide/caching/ does. django-cors-headers as its
own page: https://pypi.org/project/django-cors-headers/
"""

from typing import Any

from django.conf import settings
from shape import DATABASE, PER_PAGE, envelope, links_of, moment

settings.configure(
    SECRET_KEY="benchmarks-only",  # noqa: S106 - it protects nothing
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["corsheaders", "rest_framework"],
    MIDDLEWARE=[
        "corsheaders.middleware.CorsMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    CORS_ALLOW_ALL_ORIGINS=True,
    USE_TZ=False,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATABASE,
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
)

import django  # noqa: E402 - after the settings

django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - after django.setup()
from django.db import models  # noqa: E402 - after django.setup()
from django.http import HttpResponse  # noqa: E402 - after django.setup()
from django.urls import path  # noqa: E402 - after django.setup()
from django.utils.decorators import method_decorator  # noqa: E402 - after django.setup()
from django.views.decorators.cache import cache_page  # noqa: E402 - after django.setup()
from rest_framework import generics, pagination, serializers  # noqa: E402 - after django.setup()
from rest_framework.response import Response  # noqa: E402 - after django.setup()


class Topic(models.Model):
    """A subject heading."""

    slug = models.CharField(max_length=60)

    class Meta:
        app_label = "peer"
        managed = False
        db_table = "topics"


class Question(models.Model):
    """A question of the bank."""

    number = models.IntegerField()
    prompt = models.TextField()
    technique = models.CharField(max_length=60, null=True)
    difficulty = models.CharField(max_length=20, null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    topics = models.ManyToManyField(Topic, through="QuestionTopic")

    class Meta:
        app_label = "peer"
        managed = False
        db_table = "questions"


class QuestionTopic(models.Model):
    """Which question stands under which topic."""

    pk = models.CompositePrimaryKey("question_id", "topic_id")
    question = models.ForeignKey(Question, models.CASCADE, related_name="tags")
    topic = models.ForeignKey(Topic, models.CASCADE)
    position = models.IntegerField()

    class Meta:
        app_label = "peer"
        managed = False
        db_table = "question_topics"
        ordering = ("position",)


class QuestionSerializer(serializers.ModelSerializer):
    """A question in a list."""

    topics = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()
    created_at = serializers.SerializerMethodField()
    updated_at = serializers.SerializerMethodField()

    class Meta:
        model = Question
        fields = (
            "number",
            "prompt",
            "technique",
            "topics",
            "difficulty",
            "created_at",
            "updated_at",
            "links",
        )

    def get_topics(self, question: Question) -> list[str]:
        """Name topics by their slugs."""
        return [tag.topic.slug for tag in question.tags.all()]

    def get_links(self, question: Question) -> dict[str, str]:
        """Link the question and what belongs to it."""
        return links_of(question.number)

    def get_created_at(self, question: Question) -> str:
        """Write the time of its creation."""
        return moment(question.created_at)

    def get_updated_at(self, question: Question) -> str:
        """Write the time of its last change."""
        return moment(question.updated_at)


class Pages(pagination.PageNumberPagination):
    """Pages in the application's envelope."""

    page_size = PER_PAGE

    def get_paginated_response(self, data: Any) -> Response:
        """Put the items into it."""
        query = self.request.META["QUERY_STRING"]
        return Response(envelope(data, query, self.page.number, self.page.paginator.count))


class Documented(generics.ListAPIView):
    """The list as the documentation writes it."""

    queryset = Question.objects.order_by("number").prefetch_related("tags__topic")
    serializer_class = QuestionSerializer
    pagination_class = Pages


class Cached(Documented):
    """The same, kept by Django's cache."""

    @method_decorator(cache_page(60))
    def get(self, *args: Any, **kwargs: Any) -> Response:
        """Answer one page."""
        return super().get(*args, **kwargs)


urlpatterns = [
    path("documented/questions", Documented.as_view()),
    path("cached/questions", Cached.as_view()),
    path("ready", lambda _: HttpResponse("ready")),
]
app = get_wsgi_application()
