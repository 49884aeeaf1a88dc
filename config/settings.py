"""Settings. What differs between places comes from the environment (`config.environment`)."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from config import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where this runs -----------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
EMBEDDED = env.flag("EMBEDDED")  # started by `make run`, on loopback only
SECRET_KEY = env.secret("SECRET_KEY")
ALLOWED_HOSTS = env.listed("ALLOWED_HOSTS", None)
CSRF_TRUSTED_ORIGINS = [
    f"https://{h}" for h in ALLOWED_HOSTS if h not in {"localhost", "127.0.0.1"}
]
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
SECURE = not (DEBUG or EMBEDDED)

# --- Keys ----------------------------------------------------------------------------------------
MASTER_KEYS = env.keys("MASTER_KEYS")
BLIND_INDEX_KEY = env.key("BLIND_INDEX_KEY", env.text("BLIND_INDEX_KEY"))
# django-encrypted-model-fields wants a key at import; its encryption is replaced by
# clinic.security.fields, so this one seals nothing.
FIELD_ENCRYPTION_KEY = Fernet.generate_key()

# --- Applications --------------------------------------------------------------------------------
INSTALLED_APPS = [
    "clinic",  # before unfold: its templates and static files come first
    "patients",
    "scheduling",
    "records",
    "chat",
    "compliance",
    "config.site.SiteConfig",
    "unfold.apps.BasicAppConfig",  # its other config would put its own site in the place of ours
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.site.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "config.site.UserSessionsConfig",
    "auditlog",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "csp",
]

MIDDLEWARE = [
    "config.requests.ForwardedMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.requests.PlainRequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "clinic.middleware.ActorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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
                "config.pages.surroundings",
            ]
        },
    }
]

# --- Database, cache, worker ---------------------------------------------------------------------
DATABASES = {
    "default": env.database("DATABASE_URL")
    | {
        "ATOMIC_REQUESTS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": env.number("DATABASE_POOL", 8), "timeout": 10},
            "server_side_binding": True,
            "prepare_threshold": 1,
            "application_name": "chartroom",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"auditlog": None}  # its table is swapped for clinic.LogEntry

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.cache_url(CELERY_BROKER_URL),
        "KEY_PREFIX": "chartroom",
    }
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 2000  # above what one document may take (records.ocr.limits)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2100,  # longer than the longest task
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
}
# What follows when a document has been read; records knows no names of the apps above it.
DOCUMENT_READ_TASKS = ["chat.index_document"]
# Who waits for a person that took up an invitation; clinic knows no names of the apps above it.
INVITATION_ACCEPTED = ["patients.family.joined", "patients.enrolment.joined"]
CELERY_BEAT_SCHEDULE = {
    "seal the trail": {"task": "compliance.seal_trails", "schedule": timedelta(seconds=5)},
    "find documents left unread": {
        "task": "records.find_unread",
        "schedule": timedelta(seconds=30),
    },
    "find documents left unindexed": {
        "task": "chat.find_unindexed",
        "schedule": timedelta(seconds=30),
    },
    "find letters left unsent": {
        "task": "clinic.find_unsent",
        "schedule": timedelta(minutes=5),
    },
    "plan and send messages": {
        "task": "scheduling.find_messages",
        "schedule": timedelta(seconds=30),
    },
    "see which doses are due": {
        "task": "scheduling.see_doses",
        "schedule": timedelta(minutes=1),
    },
    "tell of reviews that are late": {
        "task": "compliance.escalate_emergencies",
        "schedule": timedelta(minutes=5),
    },
    "offer what is free to those who wait": {
        "task": "scheduling.advance_waiting",
        "schedule": timedelta(minutes=1),
    },
    "read calendars kept elsewhere": {
        "task": "scheduling.read_calendars",
        "schedule": timedelta(minutes=15),
    },
    # By the clock: an interval would begin anew with each start of the scheduler.
    "let young adults take over": {
        "task": "patients.hand_over",
        "schedule": crontab(minute=5),
    },
    "sweep up files left behind": {
        "task": "records.sweep_leftovers",
        "schedule": crontab(hour=3, minute=40),
    },
}

# --- People --------------------------------------------------------------------------------------
AUTH_USER_MODEL = "clinic.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "patients.access.GrantBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "clinic.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_MAX_EMAIL_ADDRESSES = 1  # the clinic gave it: nobody takes another for herself
ACCOUNT_PREVENT_ENUMERATION = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # a passkey asks for a finger, a face or a PIN
MFA_TOTP_ISSUER = "Chartroom"
MFA_ADAPTER = "clinic.accounts.SecondFactorAdapter"
MFA_FORMS = {
    "activate_totp": "clinic.accounts.ActivateForm",
    "authenticate": "clinic.accounts.AuthenticateForm",
    "reauthenticate": "clinic.accounts.ReauthenticateForm",
    "add_webauthn": "clinic.passkeys.AddForm",
    "login_webauthn": "clinic.passkeys.LoginForm",
    "authenticate_webauthn": "clinic.passkeys.AuthenticateForm",
    "reauthenticate_webauthn": "clinic.passkeys.ReauthenticateForm",
    "edit_webauthn": "clinic.passkeys.EditForm",
}
ANONYMOUS_USER_NAME = None  # django-guardian: nobody without an account
SESSION_ENGINE = "clinic.security.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60  # of all sessions, whatever is done in them
STAFF_IDLE, PORTAL_IDLE = timedelta(minutes=15), timedelta(minutes=30)  # without a person acting
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
TOKEN_LIFETIME = timedelta(hours=12)

# --- The trail -----------------------------------------------------------------------------------
AUDITLOG_LOGENTRY_MODEL = "clinic.LogEntry"
AUDIT_ANCHOR_URL = env.text("AUDIT_ANCHOR_URL", f"file://{BASE_DIR}/.local/anchors")

SILENCED_SYSTEM_CHECKS = ["guardian.W001"]  # patients.access.GrantBackend is a subclass

# --- Pages ---------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("pt-br", _("Portuguese")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / ".local" / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
UPLOAD_BYTES = 25 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = (
    UPLOAD_BYTES + 64 * 1024
)  # an upload never lies in a plain temporary file
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

# --- Outside parts -------------------------------------------------------------------------------
DOCUMENT_STORAGE_URL = env.text("DOCUMENT_STORAGE_URL", f"file://{BASE_DIR}/.local/documents")
EMBEDDING_URL = env.text("EMBEDDING_URL", "")
EMBEDDING_MODEL = env.text("EMBEDDING_MODEL", "")
EMBEDDING_API_KEY = env.text("EMBEDDING_API_KEY", "")
ANSWER_URL = env.text("ANSWER_URL", "")
ANSWER_MODEL = env.text("ANSWER_MODEL", "")
ANSWER_API_KEY = env.text("ANSWER_API_KEY", "")
OCR_LANGUAGES = env.listed("OCR_LANGUAGES", "en,pt,es")
PUBLIC_URL = env.public_url(  # what the links in letters begin with
    "PUBLIC_URL", ALLOWED_HOSTS, secure=SECURE, port=env.number("PORT", 8000)
)
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = f"chartroom@{urlsplit(PUBLIC_URL).hostname}"
if env.text("EMAIL_URL", ""):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    globals().update(env.email("EMAIL_URL", DEFAULT_FROM_EMAIL))
SMS = env.sms("SMS_URL")
WHATSAPP = env.whatsapp("WHATSAPP_API_URL", "WHATSAPP_API_TOKEN")
WHATSAPP_APP_SECRET = env.text("WHATSAPP_APP_SECRET", "")  # signs what Meta posts to us
WHATSAPP_VERIFY_TOKEN = env.text("WHATSAPP_VERIFY_TOKEN", "")
# A worker that took a message and has not said for so long what became of it is dead.
MESSAGE_LOST_AFTER = timedelta(seconds=env.number("MESSAGE_LOST_AFTER", 120))

# --- The API -------------------------------------------------------------------------------------
API_RATE = env.number("API_RATE", 1200)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["clinic.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["clinic.api.permissions.Stated"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.rendering.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.CursorPagination",
    "DEFAULT_THROTTLE_CLASSES": ["config.api.throttling.TokenThrottle"],
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.Schema",
    "EXCEPTION_HANDLER": "config.api.errors.problem",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_METADATA_CLASS": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chartroom",
    "DESCRIPTION": "The open clinic platform: patients, calendar, chart, documents, answers.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["config.api.schema.tidy"],  # enumerations stay where they are used
}

# --- Browser -------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# The admin's widgets (Alpine, as unfold ships it) need these two; the portal does without.
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src-attr": [UNSAFE_INLINE],
}

# --- The staff's site ----------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Chartroom",
    "SITE_HEADER": "Chartroom",
    "SITE_SUBHEADER": "config.sidebar.clinic_name",
    "SITE_SYMBOL": "stethoscope",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("chartroom/favicon.svg")}
    ],
    "SHOW_HISTORY": False,  # the trail has it
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": "/language/"},
    "STYLES": [
        lambda _: static("chartroom/chartroom.css"),
        lambda _: static("chartroom/admin.css"),
    ],
    "SCRIPTS": [
        lambda _: static("chartroom/js/admin.js"),
        lambda _: static("chartroom/js/chartroom.js"),
        lambda _: static("chartroom/js/glass.js"),
    ],
    "ACCOUNT": {"navigation": "config.sidebar.account_links"},
    "SIDEBAR": {"navigation": "config.sidebar.navigation"},
    "DASHBOARD_CALLBACK": "config.dashboard.today",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "config.logs.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # Tracebacks of requests can hold what a person typed: the line names the place only.
        "django.db.backends": {"level": "WARNING"},
        "rapidocr": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
