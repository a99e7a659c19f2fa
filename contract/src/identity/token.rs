//! The form of a token: a JWT (RFC 7519) in the compact serialization of a JWS (RFC 7515, 7.1).

use base64ct::{Base64UrlUnpadded, Encoding};
use burgee_core::Json;

use crate::limits;

/// What a token of the control plane says of itself; the service issues those.
const CONTROL_PLANE: (&str, &str) = ("HS256", "burgee");

/// A token that was taken apart. Nothing in it is known to be true.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    text: String,
    /// Where the signature's point stands.
    signed: usize,
    pub(crate) algorithm: String,
    pub(crate) kid: Option<String>,
    pub(crate) claims: Vec<(String, Json<'static>)>,
    signature: Vec<u8>,
}

impl Token {
    /// Takes a token apart. None is [`super::MatrixRow::M09`]: it is longer than [`limits::TOKEN_BYTES`], has not three parts of
    /// base64url without padding, or the first two are not JSON objects; `alg` is missing; a name stands twice, so that readers could differ;
    /// or there is `crit`, which demands what is not done here.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > limits::TOKEN_BYTES {
            return None;
        }
        let (signing_input, signature) = text.rsplit_once('.')?;
        // The alphabet has no point, so that a fourth part cannot be decoded.
        let (header, claims) = signing_input.split_once('.')?;
        let signature = Base64UrlUnpadded::decode_vec(signature).ok()?;
        let header = object(header)?;
        if get(&header, "crit").is_some() {
            return None;
        }
        let algorithm = match get(&header, "alg")? {
            Json::String(name) => name.clone().into_owned(),
            _ => return None,
        };
        let kid = match get(&header, "kid") {
            None => None,
            Some(Json::String(kid)) if kid.chars().count() <= limits::KID_CHARS => Some(kid.clone().into_owned()),
            Some(_) => return None,
        };
        let claims = object(claims)?;
        Some(Self { text: text.to_owned(), signed: signing_input.len(), algorithm, kid, claims, signature })
    }

    /// What is signed: the first two parts, with their point.
    #[must_use]
    pub fn signing_input(&self) -> &str {
        self.text.get(..self.signed).unwrap_or_default()
    }

    /// The signature's bytes; none where nobody signed.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// A claim, which may be null.
    pub(crate) fn claim(&self, name: &str) -> Option<&Json<'static>> {
        get(&self.claims, name)
    }

    /// Whether it says that this service issued it (`alg` HS256, `iss` burgee): then it is no identity token.
    #[must_use]
    pub fn is_control_plane(&self) -> bool {
        let (algorithm, issuer) = CONTROL_PLANE;
        self.algorithm == algorithm && matches!(self.claim("iss"), Some(Json::String(iss)) if iss == issuer)
    }
}

/// Whether a token says that this service issued it: it is then the control plane's, and says nothing of users.
#[must_use]
pub fn is_control_plane(token: &str) -> bool {
    Token::read(token).is_some_and(|token| token.is_control_plane())
}

type Members = Vec<(String, Json<'static>)>;

fn object(part: &str) -> Option<Members> {
    let bytes = Base64UrlUnpadded::decode_vec(part).ok()?;
    let Json::Object(members) = Json::parse(std::str::from_utf8(&bytes).ok()?).ok()? else { return None };
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    let is_unique = names.is_sorted_by(|a, b| a < b);
    is_unique.then(|| members.iter().map(|(name, value)| (name.clone().into_owned(), value.to_static())).collect())
}

fn get<'a>(members: &'a Members, name: &str) -> Option<&'a Json<'static>> {
    members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// The token of an `Authorization` header, which is empty where it has none; no token where the scheme is another (RFC 6750, 2.1; schemes
/// compare without case).
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim_ascii().split_once(' ').unwrap_or((authorization.trim_ascii(), ""));
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(json: &str) -> String {
        Base64UrlUnpadded::encode_string(json.as_bytes())
    }

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", part(header), part(claims), part("sig"))
    }

    #[test]
    fn a_token_has_three_parts() {
        let text = token(r#"{"typ": "JWT", "alg": "ES256", "kid": "k-1"}"#, r#"{"sub": "U", "n": [1]}"#);
        let read = Token::read(&text).unwrap();
        assert_eq!((read.algorithm.as_str(), read.kid.as_deref()), ("ES256", Some("k-1")));
        assert_eq!(read.claim("sub"), Some(&Json::String("U".into())));
        assert_eq!(read.claim("iss"), None);
        assert_eq!(format!("{}.{}", read.signing_input(), part("sig")), text);
        assert_eq!(read.signature(), b"sig");
        let unsigned = format!("{}.{}.", part(r#"{"alg": "none"}"#), part("{}"));
        assert_eq!(Token::read(&unsigned).unwrap().signature(), b"");
    }

    #[test]
    fn what_is_no_jwt_is_none() {
        let good = token(r#"{"alg": "RS256"}"#, r#"{"sub": "U"}"#);
        assert!(Token::read(&good).is_some());
        let (signing_input, _) = good.rsplit_once('.').unwrap();
        let long = token(r#"{"alg": "RS256"}"#, &format!(r#"{{"sub": "{}"}}"#, "x".repeat(limits::TOKEN_BYTES)));
        let deep = format!(r#"{{"a": {}{}}}"#, "[".repeat(200), "]".repeat(200));
        for text in [
            "",
            ".",
            "..",
            "...",
            "abc",
            "a.b",
            signing_input,
            &format!("{good}.x"),
            &format!("{good}.x.y"),
            &format!("{good}="),
            &format!("{good} "),
            &format!("{good}+/"),
            // `x` and `y` end in bits that no encoder sets: two texts of one token.
            &format!("{signing_input}.abx"),
            &format!("{signing_input}.a"),
            &good.replace('.', ":"),
            &token("[]", "{}"),
            &token("{}", "{}"),
            &token(r#"{"alg": 1}"#, "{}"),
            &token(r#"{"alg": null}"#, "{}"),
            &token(r#"{"alg": "RS256", "alg": "none"}"#, "{}"),
            &token(r#"{"alg": "RS256", "crit": ["b64"], "b64": false}"#, "{}"),
            &token(r#"{"alg": "RS256", "kid": 7}"#, "{}"),
            &token(&format!(r#"{{"alg": "RS256", "kid": "{}"}}"#, "k".repeat(257)), "{}"),
            &token(r#"{"alg": "RS256"}"#, "[]"),
            &token(r#"{"alg": "RS256"}"#, "{} x"),
            &token(r#"{"alg": "RS256"}"#, r#"{"sub": "A", "sub": "B"}"#),
            &token(r#"{"alg": "RS256"}"#, r#"{"sub": "A", "s\u0075b": "B"}"#),
            &token(r#"{"alg": "RS256"}"#, r#"{"sub": "\ud800"}"#),
            &token(r#"{"alg": "RS256"}"#, &deep),
            &format!("{}.{}.", part(r#"{"alg": "none"}"#), Base64UrlUnpadded::encode_string(b"{\"a\": \"\xff\"}")),
            &long,
        ] {
            assert_eq!(Token::read(text), None, "{text}");
        }
    }

    #[test]
    fn tokens_of_the_control_plane_are_told_apart() {
        for (header, claims, is_one) in [
            (r#"{"alg": "HS256"}"#, r#"{"iss": "burgee"}"#, true),
            (r#"{"alg": "HS256"}"#, r#"{"iss": "Burgee"}"#, false),
            (r#"{"alg": "HS256"}"#, "{}", false),
            (r#"{"alg": "RS256"}"#, r#"{"iss": "burgee"}"#, false),
            (r#"{"alg": "none"}"#, r#"{"iss": "burgee"}"#, false),
        ] {
            assert_eq!(is_control_plane(&token(header, claims)), is_one, "{header} {claims}");
        }
        assert!(!is_control_plane("HS256.burgee."));
    }

    #[test]
    fn a_bearer_is_told_from_other_schemes() {
        for (header, expected) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer  a.b.c ", Some("a.b.c")),
            ("BEARER a b", Some("a b")),
            ("Bearer", Some("")),
            ("Bearer ", Some("")),
            ("Bearera.b.c", None),
            ("Basic dXNlcg==", None),
            ("a.b.c", None),
            ("", None),
        ] {
            assert_eq!(bearer(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*", parts in proptest::collection::vec("[A-Za-z0-9_=-]{0,12}", 0..5)) {
            let _ = Token::read(&text);
            let _ = Token::read(&parts.join("."));
            let _ = bearer(&text);
        }

        /// One token has one text: no other decodes to the same parts.
        #[test]
        fn what_is_read_is_what_was_written(sub in "[^\u{0}-\u{1f}\"\\\\]{0,20}", signature in proptest::collection::vec(any::<u8>(), 0..70)) {
            let text = format!(
                "{}.{}.{}",
                part(r#"{"alg":"EdDSA"}"#),
                part(&format!(r#"{{"sub":"{sub}"}}"#)),
                Base64UrlUnpadded::encode_string(&signature)
            );
            let read = Token::read(&text).unwrap();
            prop_assert_eq!(read.claim("sub"), Some(&Json::String(sub.into())));
            prop_assert_eq!(format!("{}.{}", read.signing_input(), Base64UrlUnpadded::encode_string(read.signature())), text);
        }
    }
}
