from django.contrib import admin

from example_project.climate.models import Reading


@admin.register(Reading)
class ReadingAdmin(admin.ModelAdmin):
    list_display = ["room", "celsius", "is_too_warm", "taken_at"]
    list_filter = ["room", "is_too_warm"]
