//! Signing deliveries as Standard Webhooks says (<https://www.standardwebhooks.com>).

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::rows::WebhookRow;

/// What a secret starts with.
const PREFIX: &str = "whsec_";

/// A new secret of random bytes: `whsec_` and their base64.
#[must_use]
pub(crate) fn new_secret(random: &[u8; 32]) -> String {
    format!("{PREFIX}{}", Base64::encode_string(random))
}

/// The secrets that a webhook's deliveries are signed with at a time (ms since the epoch): its own, and the one before as long as it is valid.
pub fn secrets(webhook: &WebhookRow, now: i64) -> impl Iterator<Item = &str> {
    let old = webhook.old_secret.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret.as_str());
    std::iter::once(webhook.secret.as_str()).chain(old)
}

/// The headers of an attempt to deliver: `webhook-id`, `webhook-timestamp` (seconds since the epoch) and `webhook-signature`, one `v1,…` for each secret,
/// divided by spaces. A secret that is not base64 signs nothing.
#[must_use]
pub fn headers<'s>(
    id: &str,
    now: i64,
    body: &str,
    secrets: impl IntoIterator<Item = &'s str>,
) -> [(&'static str, String); 3] {
    let timestamp = now.div_euclid(1000).to_string();
    let sign = |secret: &str| {
        let key = Base64::decode_vec(secret.strip_prefix(PREFIX).unwrap_or(secret)).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        for part in [id, ".", &timestamp, ".", body] {
            mac.update(part.as_bytes());
        }
        Some(format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes())))
    };
    let signatures: Vec<String> = secrets.into_iter().filter_map(sign).collect();
    let signatures = signatures.join(" ");
    [("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp), ("webhook-signature", signatures)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn signs_as_the_published_vector() {
        let with_prefix = format!("whsec_{SECRET}");
        for secret in [SECRET, &with_prefix] {
            let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
            let [id_header, time, signature] = headers(id, 1_614_265_330_999, r#"{"test": 2432232314}"#, [secret]);
            assert_eq!(id_header, ("webhook-id", id.to_owned()));
            assert_eq!(time, ("webhook-timestamp", "1614265330".to_owned()));
            assert_eq!(signature, ("webhook-signature", SIGNATURE.to_owned()));
        }
    }

    #[test]
    fn the_old_secret_signs_while_it_is_valid() {
        let mut webhook = WebhookRow {
            id: "wh-1".into(),
            url: "https://example.com/".into(),
            types: Vec::new(),
            description: None,
            enabled: true,
            secret: new_secret(&[7; 32]),
            old_secret: Some((new_secret(&[8; 32]), 1_000)),
            created_by: "ann".into(),
            created_at: 0,
            updated_at: 0,
        };
        let count = |webhook: &WebhookRow, now| {
            let [_, _, (_, signature)] = headers("msg_1", now, "{}", secrets(webhook, now));
            let parts: std::collections::BTreeSet<String> = signature.split(' ').map(str::to_owned).collect();
            parts.len()
        };
        assert_eq!((count(&webhook, 999), count(&webhook, 1_000)), (2, 1));
        webhook.old_secret = None;
        assert_eq!(count(&webhook, 0), 1);
        assert_eq!(Base64::decode_vec(webhook.secret.strip_prefix("whsec_").unwrap()).unwrap(), [7; 32]);
    }
}
