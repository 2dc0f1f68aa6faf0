"""Settings of every installation: the same code everywhere, only the environment differs.

`docs/configuration.md` describes each variable; a test fails when one is missing there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF

from cxrplatform.settings import broker, env, storage
from cxrplatform.settings.database import database_from_url
from cxrplatform.settings.secret import secret_key

django_stubs_ext.monkeypatch()  # lets classes be written as their stubs read: ModelAdmin[Study]

BASE_DIR = Path(__file__).resolve().parents[2]
env.load_dotenv(BASE_DIR / ".env")

DEBUG = env.flag("CXR_DEBUG")
DATA_DIR = Path(env.text("CXR_DATA_DIR", str(BASE_DIR / "var"))).resolve()
SPOOL_DIR = DATA_DIR / "spool"
MODELS_DIR = DATA_DIR / "models"
MANIFESTS_DIR = Path(env.text("CXR_MANIFESTS_DIR", str(DATA_DIR / "manifests"))).resolve()
BUNDLED_MODEL_DIR = BASE_DIR / "ml" / "pretrained" / "cxr"
SECRET_KEY = secret_key(DATA_DIR)
AUDIT_KEY = env.text("CXR_AUDIT_KEY")

# --- Where we listen -------------------------------------------------------------------------
HTTP_HOST = env.text("CXR_HTTP_HOST", "127.0.0.1")
HTTP_PORT = env.integer("CXR_HTTP_PORT", 8000, maximum=65535)
DICOM_HOST = env.text("CXR_DICOM_HOST", "127.0.0.1")
DICOM_PORT = env.integer("CXR_DICOM_PORT", 11112, maximum=65535)
AE_TITLE = env.text("CXR_AE_TITLE", "CXRPLATFORM")
DICOM_OPEN = env.flag("CXR_DICOM_OPEN")
ALLOWED_HOSTS = env.words("CXR_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CXR_TRUSTED_ORIGINS")
BEHIND_PROXY = env.flag("CXR_BEHIND_PROXY")
METRICS_TOKEN = env.text("CXR_METRICS_TOKEN")

# --- How we behave ---------------------------------------------------------------------------
STUDY_QUIET_SECONDS = env.integer("CXR_STUDY_QUIET_SECONDS", 10)
SPOOL_RESERVE_BYTES = env.integer("CXR_SPOOL_RESERVE_BYTES", 1_073_741_824)
MAX_OBJECT_BYTES = env.integer("CXR_MAX_OBJECT_BYTES", 268_435_456, minimum=1)
INFERENCE_PRECISION = env.choice("CXR_INFERENCE_PRECISION", ("auto", "int8", "bf16", "f32"), "auto")
RESULT_THRESHOLDS = env.numbers("CXR_RESULT_THRESHOLDS")
RESEARCH_CONSENT_DEFAULT = env.flag("CXR_RESEARCH_CONSENT_DEFAULT")
LABORATORY_DAYS = env.integer("CXR_LABORATORY_DAYS", 7, maximum=90)
MFA_REQUIRED = env.flag("CXR_MFA_REQUIRED", default=True)
DEMO_IMAGES = env.text("CXR_DEMO_IMAGES")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "rest_framework_api_key",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_vite",
    "apps.core",
    "apps.audit",
    "apps.accounts",
    "apps.studies",
    "apps.registry",
    "apps.gateway",
    "apps.diagnosis",
    "apps.retraining",
    "apps.api",
    "apps.portal",
]

MIDDLEWARE = [
    "apps.core.middleware.request_identity",
    "django.middleware.security.SecurityMiddleware",
    "apps.core.middleware.probes",
    "apps.core.middleware.request_latency",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "apps.accounts.middleware.browser_features",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.core.middleware.private_pages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.accounts.middleware.session_limits",
    "apps.accounts.middleware.SignInRequiredMiddleware",
    "apps.accounts.middleware.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

ROOT_URLCONF = "cxrplatform.urls"
WSGI_APPLICATION = "cxrplatform.wsgi.application"
ASGI_APPLICATION = "cxrplatform.asgi.application"
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
                "csp.context_processors.nonce",
            ],
        },
    },
]

# --- Data ------------------------------------------------------------------------------------
DATABASES = {"default": database_from_url(env.text("DATABASE_URL"), data_dir=DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STORAGES = {
    "default": storage.objects_storage(env.text("CXR_STORAGE_URL"), data_dir=DATA_DIR),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [path for path in (BASE_DIR / "static" / "dist",) if path.is_dir()]
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/assets/.+-[\w-]{8}\.\w+$"  # Vite's names carry a hash
DJANGO_VITE = {"default": {"manifest_path": BASE_DIR / "static" / "dist" / ".vite" / "manifest.json"}}
DATA_UPLOAD_MAX_NUMBER_FILES = 500
UPLOADS_DIR = DATA_DIR / "uploads"  # made by `up`, so that large uploads stay inside the data folder
FILE_UPLOAD_TEMP_DIR = UPLOADS_DIR if UPLOADS_DIR.is_dir() else None

# --- Work ------------------------------------------------------------------------------------
# The database is the truth and the broker a hint: no results, no redelivery that we rely on.
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "filesystem://localhost")
CELERY_TASK_TIME_LIMIT = 300
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(
    CELERY_BROKER_URL, data_dir=DATA_DIR, time_limit=CELERY_TASK_TIME_LIMIT
)
CELERY_BROKER_CONNECTION_TIMEOUT = broker.CONNECT_SECONDS
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker for ever
CELERY_BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE = "classic"  # we delay nothing; quorum costs seconds
CELERY_TASK_QUEUES = broker.queues(CELERY_BROKER_URL)
CELERY_TASK_ROUTES = ["apps.core.tasks.queue_of_task"]
CELERY_TASK_DEFAULT_QUEUE = "housekeeping"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
WORKER_THREADS = env.integer("CXR_WORKER_THREADS", min(4, max(2, os.cpu_count() or 2)), minimum=1)
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_TIMEZONE = "UTC"

# --- People ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
ACCOUNT_ADAPTER = "apps.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "apps.accounts.forms.SignInForm",
    "signup": "apps.accounts.forms.RequestAccessForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # the administrator who approves vouches for the address
ACCOUNT_MAX_EMAIL_ADDRESSES = 1  # the address names its owner in the audit log
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # mail nobody who has no account here
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or second factor is told to its owner
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[CXR Platform] "
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/300s/key"}
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = False  # a session ends with the browser at the latest
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
MFA_ADAPTER = "apps.accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "CXR Platform"
MFA_TOTP_TOLERANCE = 1  # half a minute of clock drift
MFA_TRUST_ENABLED = True
MFA_TRUST_COOKIE_AGE = 14 * 24 * 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = DATA_DIR / "mail"
if smtp := env.text("CXR_SMTP_HOST"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = smtp
    EMAIL_PORT = env.integer("CXR_SMTP_PORT", 587, minimum=1, maximum=65535)
    EMAIL_HOST_USER = env.text("CXR_SMTP_USER")
    EMAIL_HOST_PASSWORD = env.text("CXR_SMTP_PASSWORD")
    EMAIL_USE_TLS = env.flag("CXR_SMTP_TLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("CXR_MAIL_FROM", "cxrplatform@localhost")

# --- Security --------------------------------------------------------------------------------
# Plain HTTP is for one machine only: anywhere else TLS ends at a trusted proxy, which says so.
HTTPS = env.flag("CXR_HTTPS", default=HTTP_HOST not in {"127.0.0.1", "localhost", "::1"})
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers themselves allow it on this machine only
PUBLIC_URL = env.text("CXR_PUBLIC_URL", f"http://{HTTP_HOST}:{HTTP_PORT}").rstrip("/")  # for links in mails
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_IDLE_SECONDS = 15 * 60
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False  # htmx and the upload page send the token as a header
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# --- Language and time -----------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = env.text("CXR_TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

# --- REST ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.api.permissions.DenyByDefault"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.api.problems.problem_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "3000/min"},
    "NUM_PROXIES": 1 if BEHIND_PROXY else 0,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CXR Platform",
    "VERSION": "1",
    "DESCRIPTION": "Chest radiographs in, explained results out. For research and evaluation only.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "DiagnosisStatus": "apps.diagnosis.models.Diagnosis.Status",
        "StudyStatus": "apps.diagnosis.models.WorklistEntry.Status",
        "WorkStatus": "apps.retraining.models.leased.LeasedWork.Status",
        "ConsentScope": "apps.retraining.models.ResearchConsent.Scope",
    },
}

# --- Logs: ids, never names ------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"plain": {"()": "apps.core.logs.PlainTextFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": sys.stderr,
            "filters": ["plain"],
            "formatter": "line",
        },
    },
    "root": {"handlers": ["stderr"], "level": env.text("CXR_LOG_LEVEL", "INFO")},
    "loggers": {"pynetdicom": {"level": "ERROR"}, "pydicom": {"level": "ERROR"}},
}
