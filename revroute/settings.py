"""Environment in, Django settings out: every outside value is read here, through `env`, and nowhere else."""

import os
import secrets
from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    """The key of SECRET_KEY, or one made on the first run and kept readable by this user only."""
    if key := env("SECRET_KEY", default=""):
        return key
    path = VAR_DIR / "secret_key"
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(50))
    if not (key := path.read_text().strip()):
        raise ImproperlyConfigured(f"{path} is empty: delete it, or set SECRET_KEY")
    return key


def _write_once(path: Path, text: str) -> None:
    """Make the file whole or not at all: several processes may start at once, and the first one wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _whole_number(name: str, text: str, least: int, most: int) -> int:
    """The setting's text as a number from `least` to `most`. Raises ImproperlyConfigured, with a sentence."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and least <= int(text) <= most):
        raise ImproperlyConfigured(f"{name} is “{text}”, and has to be a whole number from {least} to {most}.")
    return int(text)


def _time_zone() -> str:
    """An IANA name that this machine knows. Raises ImproperlyConfigured, with a sentence."""
    name = env("TIME_ZONE", default="UTC")
    if name not in available_timezones():
        raise ImproperlyConfigured(f"TIME_ZONE is “{name}”, and has to be an IANA name, as Europe/Berlin.")
    return name


def _log_level() -> str:
    """A level of the standard library's logging. Raises ImproperlyConfigured, with a sentence."""
    level = env("LOG_LEVEL", default="INFO")
    if level not in (levels := ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")):
        raise ImproperlyConfigured(f"LOG_LEVEL is “{level}”, and has to be one of {', '.join(levels)}.")
    return level


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
PORT = _whole_number("PORT", env("PORT", default="8000"), 1, 65535)
BASE_URL = env("BASE_URL", default=f"http://localhost:{PORT}").rstrip("/")
CSRF_TRUSTED_ORIGINS = [BASE_URL]
TRUSTED_PROXIES = _whole_number("TRUSTED_PROXIES", env("TRUSTED_PROXIES", default="0"), 0, 9)

INSTALLED_APPS = [
    "revroute",
    "owners",
    "leads",
    "routing",
    "revroute.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_filters",
    "django_tables2",
    "django_q",
    "ninja",
    "axes",
]
AUTH_USER_MODEL = "owners.User"
AUTHENTICATION_BACKENDS = ["owners.sign_in.HoldBack", "owners.roles.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Guessing of passwords: after so many failures a user name is held back, from that address only. What is counted
# holds names and addresses, so it goes when it is over (the worker's tick), and no second record is kept.
AXES_HANDLER = "axes.handlers.database.AxesDatabaseHandler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# The demo's visitors share its users and often an address; its passwords are random and nobody guesses them.
AXES_FAILURE_LIMIT = 100 if DEMO else 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page names an end, and it stays
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "owners.sign_in.name_of"
AXES_CLIENT_IP_CALLABLE = "owners.visitors.visitor_of"
AXES_LOCKOUT_CALLABLE = "revroute.held_back.held_back"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "next"]

MIDDLEWARE = [
    "revroute.middleware.say_when_closing",
    # First, because posted leads need neither a session nor a user: see the module.
    "revroute.middleware.intake_first",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "revroute.middleware.refuse_devices",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

# What a page of ours may load and do: its own files, and nothing written into the page itself.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

ROOT_URLCONF = "revroute.urls"
WSGI_APPLICATION = "revroute.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "revroute.frame.frame",
            ],
        },
    },
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # widgets, too, from our templates

# Database: SQLite embedded by default, PostgreSQL for teams. The options are the measured ones of the design:
# SQLite without IMMEDIATE and a long time-out loses most concurrent writes; PostgreSQL keeps its
# connections and prepares what it sees twice.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; "
        "PRAGMA mmap_size=268435456; PRAGMA wal_autocheckpoint=4000"
    ),
}
POSTGRES_OPTIONS = {"prepare_threshold": env.int("PREPARE_THRESHOLD", default=2) or None}
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'revroute.sqlite3'}")}
_is_sqlite = DATABASES["default"]["ENGINE"].endswith("sqlite3")
DATABASES["default"]["OPTIONS"] = {
    **(SQLITE_OPTIONS if _is_sqlite else POSTGRES_OPTIONS),
    **DATABASES["default"].get("OPTIONS", {}),
}
DATABASES["default"]["CONN_MAX_AGE"] = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Background work: the queue wakes, our rows remember (DESIGN.md). `retry` well above `timeout`, so that
# nothing is handed out twice while it runs; small prefetch; no flood after downtime. No scheduler: what is due
# is a column of ours, and whoever may add a schedule could run any code. routing/checks.py guards all this.
Q_CLUSTER = {
    "name": "revroute",
    "orm": "default",
    "workers": 1,
    "timeout": 60,
    "retry": 300,
    "max_attempts": 5,
    "bulk": 1,
    "queue_limit": 4,
    "poll": 1,
    "catch_up": False,
    "scheduler": False,
    "broker_class": "routing.broker.Broker",
    "save_limit": 1000,
    "label": "Background work",
}
if broker_url := env("Q_BROKER_URL", default=""):
    del Q_CLUSTER["orm"], Q_CLUSTER["broker_class"]
    Q_CLUSTER["redis"] = broker_url

# Intake
FOUR_EYES_PUBLISH = env.bool("FOUR_EYES_PUBLISH", default=False)
"""Whether a second person has to approve a draft of the rules before it is published."""
MAX_BODY_BYTES = _whole_number("MAX_BODY_BYTES", env("MAX_BODY_BYTES", default="1000000"), 1, 2**31)
# The intake measures its own bodies. Everything else posts small forms, and strangers reach the sign-in form:
# without a bound each of them could fill the server's memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
# A rule of 200 conditions posts five fields for each; one of 300 is still read, so that the form can say what is wrong.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# Where confirmed ownership is written besides the built-in CRM: a name in routing.connectors, or empty.
CRM_CONNECTOR = env("CRM_CONNECTOR", default="")

# Mail: files under var/mail until a server is named, so that a trial loses nothing and bothers nobody.
_mail = env.email_url("EMAIL_URL", default=f"filemail:///{VAR_DIR / 'mail'}")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = str(VAR_DIR / "mail")
EMAIL_TIMEOUT = 10
OPERATOR_EMAILS = env.list("OPERATOR_EMAILS", default=[])
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="RevRoute <revroute@localhost>")

# What receivers of webhooks check signatures with; empty: made from SECRET_KEY. Private addresses are those of this
# machine and its network, which strangers must not reach through us.
WEBHOOK_SECRET = env("WEBHOOK_SECRET", default="")
WEBHOOK_PRIVATE = env.bool("WEBHOOK_PRIVATE", default=False)

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = _time_zone()
FORMAT_MODULE_PATH = ["revroute.formats"]  # outranks the language's own formats, which a setting would not

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# Who may read /metrics and the details of /healthz/worker from elsewhere than this machine: a bearer token.
METRICS_TOKEN = env("METRICS_TOKEN", default="")

LOGIN_URL = "admin:login"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"in_one_line": {"()": "revroute.logs.InOneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["in_one_line"]}},
    "root": {"handlers": ["stderr"], "level": _log_level()},
    "loggers": {
        "django-q": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # It names who failed to sign in and from where; revroute.held_back says what has to be known.
        "axes": {"level": "ERROR"},
        # A foreign Host header is answered with 400; whoever scans the network must not fill the log with tracebacks.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}

# Only for the crash tests: a point of routing.steps at which the process kills itself.
CRASH_AT = env("CRASH_AT", default="")
