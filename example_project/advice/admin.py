from django.contrib import admin

from example_project.advice.models import Question


@admin.register(Question)
class QuestionAdmin(admin.ModelAdmin):
    list_display = ["text", "conversation", "asked_at"]
