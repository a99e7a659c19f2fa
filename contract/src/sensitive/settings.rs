//! What an operator can set about the policy service.

use crate::settings::SettingsError;

/// The settings of the policy service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySettings {
    /// `ADMIN_POLICY_URL`, and the path below it: where questions are sent. Without it every sensitive flag is `admin_unreachable`. Default none.
    pub url: Option<String>,
}

/// Below `ADMIN_POLICY_URL`.
const PATH: &str = "/api/policy/sensitive.check.2b";

impl PolicySettings {
    /// Reads the settings; `variable` gives a variable's value, trimmed, and nothing where it is empty. `loopback` says whether the
    /// service may be had without TLS on this machine: for development.
    ///
    /// # Errors
    /// The URL is none that a question may be sent to.
    pub(crate) fn read(
        variable: impl Fn(&'static str) -> Option<String>,
        loopback: bool,
    ) -> Result<Self, SettingsError> {
        let Some(base) = variable("ADMIN_POLICY_URL") else { return Ok(Self::default()) };
        if !is_base(&base, loopback) {
            let expected = "an https URL without query and fragment, or with FF_ALLOW_DEV_HEADERS also an http URL of 127.0.0.1, [::1] or localhost";
            return Err(SettingsError { variable: "ADMIN_POLICY_URL", expected: expected.to_owned() });
        }
        Ok(Self { url: Some(format!("{}{PATH}", base.trim_end_matches('/'))) })
    }
}

/// Whether a URL is one of an outside service: `https`, or where `loopback` is allowed `http` to it, without a query.
pub(crate) fn is_base(url: &str, loopback: bool) -> bool {
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>?#@".contains(&byte));
    let Some((scheme, rest)) = url.split_once("://").filter(|_| is_plain) else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    // A port follows the last colon, but for those within the brackets of an IPv6 address.
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    match scheme {
        _ if host.is_empty() => false,
        "https" => true,
        "http" => loopback && ["127.0.0.1", "[::1]", "localhost"].contains(&host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, loopback: bool) -> Result<Option<String>, SettingsError> {
        let url = Some(url.to_owned()).filter(|url| !url.is_empty());
        PolicySettings::read(|_| url.clone(), loopback).map(|settings| settings.url)
    }

    #[test]
    fn questions_go_to_a_service_over_tls_or_on_this_machine() {
        for (url, loopback, expected) in [
            ("", false, None),
            ("https://admin.example", false, Some("https://admin.example/api/policy/sensitive.check.2b")),
            (
                "https://admin.example:8443/base/",
                false,
                Some("https://admin.example:8443/base/api/policy/sensitive.check.2b"),
            ),
            ("http://127.0.0.1:9000", true, Some("http://127.0.0.1:9000/api/policy/sensitive.check.2b")),
            ("http://[::1]:9000/", true, Some("http://[::1]:9000/api/policy/sensitive.check.2b")),
            ("http://localhost", true, Some("http://localhost/api/policy/sensitive.check.2b")),
        ] {
            assert_eq!(read(url, loopback).unwrap().as_deref(), expected, "{url}");
        }
        for (url, loopback) in [
            ("http://127.0.0.1:9000", false),
            ("http://admin.example", true),
            ("http://127.0.0.1.evil.example", true),
            ("http://localhost@evil.example", true),
            ("https://user:secret@admin.example", false),
            ("https://", false),
            ("https://admin.example?x", false),
            ("https://admin.example/#x", false),
            ("ftp://admin.example", true),
            ("admin.example", true),
            ("https://admin.example/a b", false),
        ] {
            assert_eq!(read(url, loopback).unwrap_err().variable, "ADMIN_POLICY_URL", "{url}");
        }
    }
}
