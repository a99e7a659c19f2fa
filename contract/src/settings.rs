//! What an operator can set, and how it is checked. The variables are read once per process or isolate.

use std::fmt;

use base64ct::{Base64, Encoding};
use burgee_control::Policy;

use crate::backing::Backing;
use crate::envelope::{ErrorCode, Problem};
use crate::identity::IdentitySettings;
use crate::limits;
use crate::rate::Rates;
use crate::sensitive::{PolicySettings, is_base};
use crate::v1::signature::SigningKey;
use crate::v1::{Client, Secret};

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `FF_PLATFORM_TENANT`: the tenant whose registry `/api/flags` reads. Default `platform`.
    pub platform_tenant: String,
    /// `FF_SOFT_TTL_MS`: for how many milliseconds a registry that was read is taken to be current. 0 reads it for every
    /// request. Default 5000.
    pub soft_ttl_ms: i64,
    /// `FF_BACKING`: `object`, `kv` or `file`, where registries are read from. Default `object`.
    pub backing: Backing,
    /// `FF_OPEN_REGISTRIES`: tenants whose registries anybody may read, by `X-Burgee-Registry`; separated by commas. Default none.
    pub open_registries: Vec<String>,
    /// `FF_TEST_PANIC`: `1` adds `GET /__test/panic`, which brings the instance down, to show that the next request is
    /// answered all the same. Default off; never set it where others can reach it.
    pub test_panic: bool,
    /// `ADMIN_POLICY_URL`: who is asked about sensitive flags.
    pub policy_service: PolicySettings,
    /// `FF_TOKEN_SECRET`: what tokens of `/v1` are signed with, of at least 32 bytes; several are divided by spaces: the first signs, all
    /// verify. Without it `/v1` answers 503.
    pub token_secrets: Vec<Secret>,
    /// `FF_CLIENTS`: who may have tokens, a JSON array of `{"id", "secret_sha256", "scopes", "tenants"}`. Default none.
    pub clients: Vec<Client>,
    /// `FF_SIGNING_KEYS`: what snapshots are signed with, a JSON array of private Ed25519 JWKs: the first signs, all are published. Without it they
    /// are not signed. Default none.
    pub signing_keys: Vec<SigningKey>,
    /// `FF_OPEN_ISSUER`: `1` gives a token to whoever asks. Default off; never set it where others can reach it.
    pub open_issuer: bool,
    /// `FF_METRICS_TOKEN`: the bearer token that `/metrics` asks for, of at least 16 characters without blanks. Without it anybody may read them.
    pub metrics_token: Option<Secret>,
    /// `FF_RETENTION_DAYS`: days after which an archived flag is purged. Default 365.
    pub retention_days: i64,
    /// `FF_ROLLOUTS`: `off` stops all rollouts of all tenants from taking steps by themselves. Default `on`.
    pub rollouts: bool,
    /// `FF_WEBHOOK_HOSTS`: hosts (`host` or `host:port`) that webhooks may name although they are private or not `https`; separated by commas. Default none.
    pub webhook_hosts: Vec<String>,
    /// `FF_AUDIT_SINK_URL`: where each entry of the audit is told; `https`, or loopback where `FF_ALLOW_DEV_HEADERS` is on. `FF_AUDIT_SINK_SECRET`, `whsec_` and
    /// base64, signs what is told, as webhooks are signed. Default none.
    pub audit_sink: Option<AuditSink>,
    /// `FF_TEST_CLOCK`: `1` lets tests set the time of a tenant's object. Default off; never set it where others can reach it.
    pub test_clock: bool,
    /// `FF_RATE_CLIENT`, `FF_RATE_TENANT`: how many requests a second are answered, by one isolate. Default 1000 and 10000.
    pub rates: Rates,
    /// Of callers' tokens: `FF_VERIFY_MODE`, `FF_ALLOW_DEV_HEADERS`, `FF_JWT_…`, `POLICY_…`.
    pub identity: IdentitySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            platform_tenant: "platform".to_owned(),
            soft_ttl_ms: 5000,
            backing: Backing::Object,
            open_registries: Vec::new(),
            test_panic: false,
            policy_service: PolicySettings::default(),
            token_secrets: Vec::new(),
            clients: Vec::new(),
            signing_keys: Vec::new(),
            open_issuer: false,
            metrics_token: None,
            retention_days: 365,
            rollouts: true,
            webhook_hosts: Vec::new(),
            audit_sink: None,
            test_clock: false,
            rates: Rates { client: 1_000, tenant: 10_000 },
            identity: IdentitySettings::default(),
        }
    }
}

/// Who is told of each entry of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSink {
    /// Where envelopes are sent.
    pub url: String,
    /// What they are signed with.
    pub secret: Option<SinkSecret>,
}

/// A secret of Standard Webhooks. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SinkSecret(String);

impl SinkSecret {
    fn read(value: &str) -> Result<Self, SettingsError> {
        let key = value.strip_prefix("whsec_").and_then(|key| Base64::decode_vec(key).ok());
        let is_long = key.is_some_and(|key| (24..=64).contains(&key.len()));
        is_long.then(|| Self(value.to_owned())).ok_or_else(|| SettingsError {
            variable: "FF_AUDIT_SINK_SECRET",
            expected: "whsec_ and the base64 of 24 to 64 random bytes".to_owned(),
        })
    }

    /// The secret.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SinkSecret")
    }
}

/// A variable whose value is not one that it can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// The variable.
    pub variable: &'static str,
    /// What it must be.
    pub expected: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.variable, self.expected)
    }
}

impl std::error::Error for SettingsError {}

impl SettingsError {
    /// What callers are answered while it lasts.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        Problem::new(ErrorCode::InternalError, format!("the settings are wrong: {self}"))
            .hint("set the variable right, or remove it to have its default")
    }
}

impl Settings {
    /// Reads the settings; `variable` gives the value of an environment variable, which is absent where it is empty.
    ///
    /// # Errors
    /// The first variable that has a value which it cannot have.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, SettingsError> {
        let variable = |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let mut settings = Self { identity: IdentitySettings::read(variable)?, ..Self::default() };
        if let Some(value) = variable("FF_PLATFORM_TENANT") {
            settings.platform_tenant = tenant("FF_PLATFORM_TENANT", &value)?;
        }
        if let Some(value) = variable("FF_SOFT_TTL_MS") {
            let ms = value.parse().ok().filter(|ms| (0..=limits::SOFT_TTL_MS).contains(ms));
            settings.soft_ttl_ms = ms.ok_or_else(|| SettingsError {
                variable: "FF_SOFT_TTL_MS",
                expected: format!("whole milliseconds from 0 to {}", limits::SOFT_TTL_MS),
            })?;
        }
        if let Some(value) = variable("FF_BACKING") {
            settings.backing = Backing::named(&value)
                .ok_or_else(|| SettingsError { variable: "FF_BACKING", expected: "object, kv or file".to_owned() })?;
        }
        if let Some(value) = variable("FF_OPEN_REGISTRIES") {
            let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
            settings.open_registries =
                names.map(|name| tenant("FF_OPEN_REGISTRIES", name)).collect::<Result<_, _>>()?;
        }
        settings.policy_service = PolicySettings::read(variable, settings.identity.allow_dev_headers)?;
        if let Some(value) = variable("FF_TOKEN_SECRET") {
            settings.token_secrets = token_secrets(&value)?;
        }
        if let Some(value) = variable("FF_CLIENTS") {
            settings.clients =
                Client::read_all(&value).map_err(|expected| SettingsError { variable: "FF_CLIENTS", expected })?;
        }
        if let Some(value) = variable("FF_SIGNING_KEYS") {
            settings.signing_keys = SigningKey::read_all(&value)
                .map_err(|expected| SettingsError { variable: "FF_SIGNING_KEYS", expected })?;
        }
        settings.metrics_token = variable("FF_METRICS_TOKEN").map(|value| metrics_token(&value)).transpose()?;
        if let Some(value) = variable("FF_RETENTION_DAYS") {
            let days = value.parse().ok().filter(|days| (1..=limits::RETENTION_DAYS).contains(days));
            settings.retention_days = days.ok_or_else(|| SettingsError {
                variable: "FF_RETENTION_DAYS",
                expected: format!("whole days from 1 to {}", limits::RETENTION_DAYS),
            })?;
        }
        if let Some(value) = variable("FF_ROLLOUTS") {
            settings.rollouts = one_of("FF_ROLLOUTS", &value, ["on", "off"])?;
        }
        let secret = variable("FF_AUDIT_SINK_SECRET").map(|value| SinkSecret::read(&value)).transpose()?;
        if let Some(url) = variable("FF_AUDIT_SINK_URL") {
            if !is_base(&url, settings.identity.allow_dev_headers) {
                let expected =
                    "an https URL without a query; http is for loopback, and with FF_ALLOW_DEV_HEADERS=true alone";
                return Err(SettingsError { variable: "FF_AUDIT_SINK_URL", expected: expected.to_owned() });
            }
            settings.audit_sink = Some(AuditSink { url, secret });
        }
        if let Some(value) = variable("FF_WEBHOOK_HOSTS") {
            let hosts = value.split(',').map(str::trim).filter(|host| !host.is_empty());
            settings.webhook_hosts = hosts.map(webhook_host).collect::<Result<_, _>>()?;
        }
        for (name, rate) in
            [("FF_RATE_CLIENT", &mut settings.rates.client), ("FF_RATE_TENANT", &mut settings.rates.tenant)]
        {
            if let Some(value) = variable(name) {
                *rate = value.parse().ok().filter(|rate| *rate <= limits::RATE).ok_or_else(|| SettingsError {
                    variable: name,
                    expected: format!("whole requests a second from 0, which is no limit, to {}", limits::RATE),
                })?;
            }
        }
        for (name, switch) in [
            ("FF_TEST_PANIC", &mut settings.test_panic),
            ("FF_TEST_CLOCK", &mut settings.test_clock),
            ("FF_OPEN_ISSUER", &mut settings.open_issuer),
        ] {
            if let Some(value) = variable(name) {
                *switch = one_of(name, &value, ["1", "0"])?;
            }
        }
        Ok(settings)
    }

    /// Whether a tenant's flags are evaluated for whoever asks.
    pub(crate) fn is_open(&self, tenant: &str) -> bool {
        self.platform_tenant == tenant || self.open_registries.iter().any(|open| open == tenant)
    }

    /// What of it concerns decisions about a tenant.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            retention_ms: self.retention_days.saturating_mul(24 * 60 * 60 * 1000),
            rollouts: self.rollouts,
            webhook_hosts: self.webhook_hosts.clone(),
            audit_sink: self.audit_sink.is_some(),
        }
    }
}

/// Which of two words a value is: whether it is the first.
fn one_of(variable: &'static str, value: &str, words: [&str; 2]) -> Result<bool, SettingsError> {
    let [yes, no] = words;
    match value {
        value if value == yes => Ok(true),
        value if value == no => Ok(false),
        _ => Err(SettingsError { variable, expected: format!("{yes} or {no}") }),
    }
}

/// Secrets divided by blanks. What is wrong with one does not show it.
fn token_secrets(value: &str) -> Result<Vec<Secret>, SettingsError> {
    let secrets = value.split_ascii_whitespace();
    secrets
        .map(|secret| {
            (secret.len() >= limits::TOKEN_SECRET_BYTES).then(|| Secret::new(secret)).ok_or_else(|| SettingsError {
                variable: "FF_TOKEN_SECRET",
                expected: format!("made of secrets of at least {} bytes each", limits::TOKEN_SECRET_BYTES),
            })
        })
        .collect()
}

/// A token that a header can carry. What is wrong with it does not show it.
fn metrics_token(value: &str) -> Result<Secret, SettingsError> {
    let fits = value.len() >= limits::METRICS_TOKEN_BYTES && value.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Secret::new(value)).ok_or_else(|| SettingsError {
        variable: "FF_METRICS_TOKEN",
        expected: format!("at least {} visible ASCII characters without blanks", limits::METRICS_TOKEN_BYTES),
    })
}

fn webhook_host(host: &str) -> Result<String, SettingsError> {
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
    is_host.then(|| host.to_ascii_lowercase()).ok_or_else(|| SettingsError {
        variable: "FF_WEBHOOK_HOSTS",
        expected: "made of hosts, as host or host:port, without a scheme or a path".to_owned(),
    })
}

/// Whether a tenant can be called so: 1 to 128 characters of `A-Z a-z 0-9 . _ -`. The name becomes part of a storage key and of
/// log lines.
pub(crate) fn is_tenant(name: &str) -> bool {
    (1..=burgee_core::limits::KEY_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn tenant(variable: &'static str, name: &str) -> Result<String, SettingsError> {
    let expected = "made of tenants' names: 1 to 128 characters of A-Z a-z 0-9 . _ -";
    is_tenant(name).then(|| name.to_owned()).ok_or_else(|| SettingsError { variable, expected: expected.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    /// A client whose secret is the empty text's hash.
    const CLIENTS: &str = r#"[{"id": "ci", "secret_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "scopes": ["flags:rw"], "tenants": ["acme"]}]"#;

    #[test]
    fn nothing_needs_to_be_set() {
        assert_eq!(read(&[]).unwrap(), Settings::default());
        assert_eq!(read(&[("FF_SOFT_TTL_MS", " "), ("FF_OPEN_REGISTRIES", "")]).unwrap(), Settings::default());
    }

    #[test]
    fn everything_can_be_set() {
        let settings = read(&[
            ("FF_PLATFORM_TENANT", "acme"),
            ("FF_SOFT_TTL_MS", "0"),
            ("FF_BACKING", " file"),
            ("FF_OPEN_REGISTRIES", "parity, other ,"),
            ("ADMIN_POLICY_URL", "https://admin.example/"),
            ("FF_TEST_PANIC", "1"),
            ("FF_TOKEN_SECRET", "  0123456789abcdef0123456789abcdef fedcba9876543210fedcba9876543210 "),
            ("FF_CLIENTS", CLIENTS),
            ("FF_OPEN_ISSUER", "1"),
            ("FF_METRICS_TOKEN", " scrape-9d1c77aa52 "),
            ("FF_RETENTION_DAYS", "7"),
            ("FF_ROLLOUTS", "off"),
            ("FF_WEBHOOK_HOSTS", "localhost:8080, Hooks.internal,[::1]:9"),
            ("FF_TEST_CLOCK", "1"),
            ("FF_RATE_CLIENT", "50"),
            ("FF_RATE_TENANT", "1000000"),
            ("FF_ALLOW_DEV_HEADERS", " true "),
        ]);
        let expected = Settings {
            platform_tenant: "acme".to_owned(),
            soft_ttl_ms: 0,
            backing: Backing::File,
            open_registries: vec!["parity".to_owned(), "other".to_owned()],
            policy_service: PolicySettings {
                url: Some("https://admin.example/api/policy/sensitive.check.2b".to_owned()),
            },
            test_panic: true,
            token_secrets: vec![
                Secret::new("0123456789abcdef0123456789abcdef"),
                Secret::new("fedcba9876543210fedcba9876543210"),
            ],
            clients: Client::read_all(CLIENTS).unwrap(),
            signing_keys: Vec::new(),
            open_issuer: true,
            metrics_token: Some(Secret::new("scrape-9d1c77aa52")),
            retention_days: 7,
            rollouts: false,
            webhook_hosts: ["localhost:8080", "hooks.internal", "[::1]:9"].map(str::to_owned).to_vec(),
            audit_sink: None,
            test_clock: true,
            rates: Rates { client: 50, tenant: 1_000_000 },
            identity: IdentitySettings { allow_dev_headers: true, ..IdentitySettings::default() },
        };
        let settings = settings.unwrap();
        assert_eq!(settings, expected);
        let policy = settings.policy();
        assert_eq!((policy.retention_ms, policy.rollouts), (7 * 86_400_000, false));
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("0123456789abcdef")
                && !shown.contains("scrape-9d1c")
                && !shown.contains("e3b0c442")
                && !shown.contains("227, 176"),
            "{shown}"
        );
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (variable, value) in [
            ("FF_SOFT_TTL_MS", "5s"),
            ("FF_SOFT_TTL_MS", "-1"),
            ("FF_BACKING", "File"),
            ("FF_BACKING", "db"),
            ("FF_SOFT_TTL_MS", "86400001"),
            ("FF_PLATFORM_TENANT", "a b"),
            ("FF_OPEN_REGISTRIES", "parity,a/b"),
            ("FF_TEST_PANIC", "yes"),
            ("FF_TEST_CLOCK", "on"),
            ("FF_OPEN_ISSUER", "true"),
            ("FF_RATE_CLIENT", "-1"),
            ("FF_RATE_CLIENT", "0.5"),
            ("FF_RATE_TENANT", "1000001"),
            ("FF_RETENTION_DAYS", "0"),
            ("FF_RETENTION_DAYS", "1.5"),
            ("FF_RETENTION_DAYS", "36501"),
            ("FF_ROLLOUTS", "1"),
            ("FF_WEBHOOK_HOSTS", "https://hooks.example"),
            ("FF_WEBHOOK_HOSTS", "a/b"),
            ("FF_METRICS_TOKEN", "0123456789abcde"),
            ("FF_METRICS_TOKEN", "0123456789 abcdef"),
            ("FF_METRICS_TOKEN", "0123456789abcdéf"),
            ("FF_TOKEN_SECRET", "0123456789abcdef0123456789abcde"),
            ("FF_TOKEN_SECRET", "0123456789abcdef0123456789abcdef short"),
            ("FF_CLIENTS", "{}"),
            ("FF_CLIENTS", "[{\"id\": \"ci\"}]"),
            ("FF_CLIENTS", &CLIENTS.replace("e3b0", "e3b")),
            ("FF_CLIENTS", &CLIENTS.replace("e3b0", "e3bg")),
            ("FF_CLIENTS", &CLIENTS.replace("flags:rw", "flags:w")),
            ("FF_CLIENTS", &CLIENTS.replace("acme", "ac me")),
            ("FF_CLIENTS", &CLIENTS.replace("\"ci\"", "\"\"")),
            ("FF_CLIENTS", &CLIENTS.replace("\"id\"", "\"secret\": \"x\", \"id\"")),
            ("FF_CLIENTS", &format!("[{0},{0}]", &CLIENTS[1..CLIENTS.len() - 1])),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!(error.variable, variable);
            assert!(error.to_string().starts_with(&format!("{variable} must be ")), "{error}");
            for secret in ["0123456789", "short", "b0c442", "\"x\""] {
                assert!(!error.to_string().contains(secret), "{error}");
            }
        }
    }
}
