"""Runs Bugsink on SQLite in the folder given, on an ephemeral loopback port, with one project.

Prints {"dsn": …}; when its input ends, prints what it has stored of the newest event as JSON, and ends.
It is told not to call its makers' servers.
"""

import json
import os
import socketserver
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

CONF = """
from bugsink.settings.default import *
SECRET_KEY = "of a test that runs on loopback for some seconds"
DATABASES["default"]["NAME"] = {folder!r} + "/db.sqlite3"
DATABASES["snappea"]["NAME"] = {folder!r} + "/snappea.sqlite3"
SNAPPEA = {{"TASK_ALWAYS_EAGER": True}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
SENTRY_DSN = None
BUGSINK = {{"BASE_URL": "http://127.0.0.1:{port}", "PHONEHOME": False, "SINGLE_USER": True, "SINGLE_TEAM": True}}
"""


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    folder = os.path.abspath(sys.argv[1])
    server = Server(("127.0.0.1", 0), Quiet)
    with open(os.path.join(folder, "bugsink_conf.py"), "w", encoding="utf-8") as file:
        file.write(CONF.format(folder=folder, port=server.server_port))
    sys.path.insert(0, folder)
    os.chdir(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "bugsink_conf"

    import django

    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    for database in ("default", "snappea"):
        call_command("migrate", database=database, verbosity=0)

    from projects.models import Project

    project = Project.objects.create(name="shop")
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"dsn": project.dsn}), flush=True)
    sys.stdin.read()

    from events.models import Event

    stored = Event.objects.order_by("-ingested_at").first()
    if stored is None:
        print(json.dumps({"error": "nothing is stored"}))
        return 1
    data = stored.get_parsed_data()
    print(json.dumps({
        "count": Event.objects.count(),
        "level": stored.level,
        "logger": stored.logger,
        "server_name": stored.server_name,
        "release": stored.release,
        "environment": stored.environment,
        "title": stored.title() if callable(stored.title) else str(stored.title),
        "tags": {tag.value.key.key: tag.value.value for tag in stored.get_tags},
        "data": data,
    }))
    return 0


if __name__ == "__main__":
    sys.exit(main())
