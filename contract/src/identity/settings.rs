//! What an operator can set about tokens: `docs/trust.md`, section 1.

use serde::Serialize;

use super::algorithm::Algorithm;
use super::keys::Key;
use crate::settings::SettingsError;

/// `FF_VERIFY_MODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A token's signature must verify.
    Verified,
    /// A token is read and not verified; whoever is in front of the service did, or nobody.
    DecodeOnly,
}

/// The settings of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// `FF_VERIFY_MODE`, or its old name `POLICY_JWT_VERIFY`: `verified` or `decode-only`. Default `decode-only`.
    pub mode: Mode,
    /// `FF_ALLOW_DEV_HEADERS`: whether callers without a token are believed, and tokens that cannot be checked for want of keys.
    /// Default false.
    pub allow_dev_headers: bool,
    /// `FF_JWT_AUDIENCE`: what a token's `aud` must have. Default `pty-feature-flags`.
    pub audience: String,
    /// `FF_JWT_ISSUER`: what a token's `iss` must be. Empty where it is not set, which mode `verified` refuses.
    pub issuer: String,
    /// `FF_JWT_ALGORITHMS`: what tokens may be signed with, a part of RS256, ES256, EdDSA. Default all three.
    pub algorithms: Vec<Algorithm>,
    /// `POLICY_JWKS_URL`: where the issuer's keys are fetched. Default none.
    pub jwks_url: Option<String>,
    /// `POLICY_JWT_PUBLIC_KEY`.
    pub(crate) public_key: Option<Key>,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            mode: Mode::DecodeOnly,
            allow_dev_headers: false,
            audience: "pty-feature-flags".to_owned(),
            issuer: String::new(),
            algorithms: Algorithm::ALL.to_vec(),
            jwks_url: None,
            public_key: None,
        }
    }
}

impl IdentitySettings {
    /// Reads the settings; `variable` gives a variable's value, trimmed, and nothing where it is empty.
    ///
    /// # Errors
    /// The first variable that has a value which it cannot have, beside the others.
    pub(crate) fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Self { mode: mode(&variable)?, ..Self::default() };
        if let Some(allowed) = switch("FF_ALLOW_DEV_HEADERS", &variable)? {
            settings.allow_dev_headers = allowed;
        }
        if let Some(audience) = variable("FF_JWT_AUDIENCE") {
            settings.audience = audience;
        }
        settings.issuer = variable("FF_JWT_ISSUER").unwrap_or_default();
        if let Some(names) = variable("FF_JWT_ALGORITHMS") {
            let algorithms: Option<Vec<_>> = names.split(',').map(|name| Algorithm::of(name.trim())).collect();
            let expected = "some of RS256, ES256, EdDSA, divided by commas: nothing else can be allowed";
            settings.algorithms = algorithms.ok_or_else(|| wrong("FF_JWT_ALGORITHMS", expected))?;
        }
        if let Some(url) = variable("POLICY_JWKS_URL") {
            if !is_jwks_url(&url, settings.allow_dev_headers) {
                let expected = "a URL that begins with https:// and names no user; http:// is for 127.0.0.1, [::1] and localhost \
                                where FF_ALLOW_DEV_HEADERS is true";
                return Err(wrong("POLICY_JWKS_URL", expected));
            }
            settings.jwks_url = Some(url);
        }
        if let Some(pem) = variable("POLICY_JWT_PUBLIC_KEY") {
            let key = Key::of_pem(&pem).map_err(|expected| wrong("POLICY_JWT_PUBLIC_KEY", expected))?;
            settings.public_key = Some(key);
        }
        if settings.mode == Mode::Verified {
            settings.check_verified()?;
        }
        Ok(settings)
    }

    /// Mode `verified` must know whose tokens it takes, and have keys for them.
    fn check_verified(&self) -> Result<(), SettingsError> {
        if self.issuer.is_empty() {
            let expected = "the iss of the tokens that are taken, where FF_VERIFY_MODE is verified";
            return Err(wrong("FF_JWT_ISSUER", expected));
        }
        match (&self.public_key, &self.jwks_url) {
            (None, None) => {
                let expected = "where the issuer's keys are, where FF_VERIFY_MODE is verified and POLICY_JWT_PUBLIC_KEY is not set";
                Err(wrong("POLICY_JWKS_URL", expected))
            }
            (Some(key), None) if !self.algorithms.contains(&key.algorithm) => {
                let expected = format!("such that it has {}, which POLICY_JWT_PUBLIC_KEY is for", key.algorithm.name());
                Err(wrong("FF_JWT_ALGORITHMS", &expected))
            }
            _ => Ok(()),
        }
    }
}

fn mode(variable: &impl Fn(&'static str) -> Option<String>) -> Result<Mode, SettingsError> {
    let mode = match variable("FF_VERIFY_MODE").as_deref() {
        None => None,
        Some("verified") => Some(Mode::Verified),
        Some("decode-only") => Some(Mode::DecodeOnly),
        Some(_) => return Err(wrong("FF_VERIFY_MODE", "verified or decode-only")),
    };
    let old =
        switch("POLICY_JWT_VERIFY", variable)?.map(|verify| if verify { Mode::Verified } else { Mode::DecodeOnly });
    match (mode, old) {
        (Some(mode), Some(old)) if mode != old => {
            Err(wrong("POLICY_JWT_VERIFY", "removed, or say what FF_VERIFY_MODE says, whose old name it is"))
        }
        _ => Ok(mode.or(old).unwrap_or(Mode::DecodeOnly)),
    }
}

fn switch(
    name: &'static str,
    variable: &impl Fn(&'static str) -> Option<String>,
) -> Result<Option<bool>, SettingsError> {
    match variable(name).as_deref() {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(wrong(name, "true or false")),
    }
}

fn wrong(variable: &'static str, expected: &str) -> SettingsError {
    SettingsError { variable, expected: expected.to_owned() }
}

/// Whether keys may be fetched there: where nobody between can put in their own.
fn is_jwks_url(url: &str, loopback: bool) -> bool {
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>".contains(&byte));
    let Some((scheme, rest)) = url.split_once("://").filter(|_| is_plain) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A port follows the last colon, but for that within the brackets of an IPv6 address.
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    match scheme {
        _ if host.is_empty() || authority.contains('@') => false,
        "https" => true,
        "http" => loopback && ["127.0.0.1", "[::1]", "localhost"].contains(&host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\\n-----END PUBLIC KEY-----\\n";
    const URL: (&str, &str) = ("POLICY_JWKS_URL", "https://issuer.example/.well-known/jwks.json");
    const ISSUER: (&str, &str) = ("FF_JWT_ISSUER", "https://issuer.example");
    const VERIFIED: (&str, &str) = ("FF_VERIFY_MODE", "verified");
    const KEY: (&str, &str) = ("POLICY_JWT_PUBLIC_KEY", ED25519);

    fn read(pairs: &[(&str, &str)]) -> Result<IdentitySettings, SettingsError> {
        IdentitySettings::read(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_needs_to_be_set_and_nobody_is_then_believed() {
        assert_eq!(read(&[]).unwrap(), IdentitySettings::default());
        assert!(!IdentitySettings::default().allow_dev_headers);
    }

    #[test]
    fn everything_can_be_set() {
        let settings = read(&[
            VERIFIED,
            URL,
            ISSUER,
            KEY,
            ("FF_ALLOW_DEV_HEADERS", "true"),
            ("FF_JWT_AUDIENCE", "flags"),
            ("FF_JWT_ALGORITHMS", "EdDSA, ES256"),
        ])
        .unwrap();
        assert_eq!((settings.mode, settings.allow_dev_headers), (Mode::Verified, true));
        assert_eq!((settings.audience.as_str(), settings.issuer.as_str()), ("flags", ISSUER.1));
        assert_eq!(settings.algorithms, [Algorithm::EdDsa, Algorithm::Es256]);
        assert_eq!(settings.jwks_url.as_deref(), Some(URL.1));
        assert_eq!(settings.public_key.unwrap().algorithm, Algorithm::EdDsa);
    }

    #[test]
    fn the_mode_has_an_old_name() {
        for (pairs, mode) in [
            (&[("POLICY_JWT_VERIFY", "true"), URL, ISSUER][..], Mode::Verified),
            (&[("POLICY_JWT_VERIFY", "1"), VERIFIED, KEY, ISSUER], Mode::Verified),
            (&[("POLICY_JWT_VERIFY", "false")], Mode::DecodeOnly),
            (&[("POLICY_JWT_VERIFY", "0"), ("FF_VERIFY_MODE", "decode-only")], Mode::DecodeOnly),
        ] {
            assert_eq!(read(pairs).unwrap().mode, mode, "{pairs:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_never_shown() {
        let rsa_1024 = "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDdlatRjRjogo3WojgGHFHYLugdUWAY9iR3fy4arWNA1KoS8kVw33cJibXr8bvwUAUparCwlvdbH6dvEOfou0/gCFQsHUfQrSDv+MuSUMAe8jzKE4qW+jK+xQU9a03GUnKHkkle+Q0pX/g6jXZ7r1/xAK5Do2kQ+X5xK9cipRgEKwIDAQAB\n-----END PUBLIC KEY-----";
        for (variable, pairs) in [
            ("FF_VERIFY_MODE", &[("FF_VERIFY_MODE", "Verified")][..]),
            ("FF_VERIFY_MODE", &[("FF_VERIFY_MODE", "true")]),
            ("POLICY_JWT_VERIFY", &[("POLICY_JWT_VERIFY", "yes")]),
            ("POLICY_JWT_VERIFY", &[("POLICY_JWT_VERIFY", "false"), VERIFIED, URL, ISSUER]),
            ("POLICY_JWT_VERIFY", &[("POLICY_JWT_VERIFY", "true"), ("FF_VERIFY_MODE", "decode-only")]),
            ("FF_ALLOW_DEV_HEADERS", &[("FF_ALLOW_DEV_HEADERS", "on")]),
            ("FF_JWT_ALGORITHMS", &[("FF_JWT_ALGORITHMS", "RS256,HS256")]),
            ("FF_JWT_ALGORITHMS", &[("FF_JWT_ALGORITHMS", "none")]),
            ("FF_JWT_ALGORITHMS", &[("FF_JWT_ALGORITHMS", ",")]),
            ("FF_JWT_ALGORITHMS", &[("FF_JWT_ALGORITHMS", "rs256")]),
            ("FF_JWT_ALGORITHMS", &[("FF_JWT_ALGORITHMS", "ES256"), KEY, VERIFIED, ISSUER]),
            ("FF_JWT_ISSUER", &[VERIFIED, URL]),
            ("POLICY_JWKS_URL", &[VERIFIED, ISSUER]),
            ("POLICY_JWKS_URL", &[("POLICY_JWKS_URL", "secret")]),
            ("POLICY_JWT_PUBLIC_KEY", &[("POLICY_JWT_PUBLIC_KEY", "secret")]),
            ("POLICY_JWT_PUBLIC_KEY", &[("POLICY_JWT_PUBLIC_KEY", "-----BEGIN PRIVATE KEY-----secret")]),
            ("POLICY_JWT_PUBLIC_KEY", &[("POLICY_JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\nsecret")]),
            (
                "POLICY_JWT_PUBLIC_KEY",
                &[("POLICY_JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----secret!-----END PUBLIC KEY-----")],
            ),
            ("POLICY_JWT_PUBLIC_KEY", &[("POLICY_JWT_PUBLIC_KEY", rsa_1024)]),
        ] {
            let error = read(pairs).unwrap_err();
            assert_eq!(error.variable, variable, "{pairs:?}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn keys_come_from_where_nobody_can_change_them() {
        for (url, always, dev) in [
            ("https://issuer.example/jwks", true, true),
            ("https://issuer.example", true, true),
            ("https://issuer.example:8443/jwks?a=b", true, true),
            ("https://[2001:db8::1]/jwks", true, true),
            ("http://127.0.0.1:9000/jwks", false, true),
            ("http://[::1]:9000/jwks", false, true),
            ("http://[::1]", false, true),
            ("http://localhost/jwks", false, true),
            ("http://issuer.example/jwks", false, false),
            ("http://127.0.0.1.issuer.example/", false, false),
            ("http://127.0.0.1@issuer.example/", false, false),
            ("http://127.0.0.1:80@issuer.example/", false, false),
            ("http://localhost\\@issuer.example/", false, false),
            ("https://user:secret@issuer.example/", false, false),
            ("https://", false, false),
            ("https:///jwks", false, false),
            ("https://:80/", false, false),
            ("https://issuer.example/a b", false, false),
            ("HTTPS://issuer.example", false, false),
            ("ftp://localhost/", false, false),
            ("file:///jwks", false, false),
            ("issuer.example", false, false),
        ] {
            assert_eq!((is_jwks_url(url, false), is_jwks_url(url, true)), (always, dev), "{url}");
        }
    }
}
