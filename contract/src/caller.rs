//! Who is asking: token over header over query or body over default.

use std::borrow::Cow;

use burgee_core::{Attribute, Context, Json, Value, attribute};

use crate::envelope::Problem;
use crate::http::{Header, Headers};
use crate::identity::Identity;
use crate::query::Query;

/// The attributes that headers and a query can name: the attribute, its header, its query parameter.
const NAMED: [(&str, Header, &str); 5] = [
    (attribute::USER_ID, Header::UserId, "user"),
    (attribute::TENANT_ID, Header::TenantId, "tenant"),
    (attribute::TIER, Header::Tier, "tier"),
    (attribute::ENV, Header::Env, "env"),
    (attribute::ROLE_KEY, Header::RoleKey, "role_key"),
];

/// The context of a request. An absent `tier` or `env` is left to the evaluator, which gives it the same default on every surface.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    /// Whose token it is. What the token says overrules what follows; of what it does not say, that is believed.
    identity: &'a Identity,
    named: [Option<&'a str>; NAMED.len()],
    members: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> Caller<'a> {
    /// Of a request without a body: each attribute from the token, else from its header, else from the query.
    ///
    /// # Errors
    /// There is no user in any, or a header cannot be read.
    pub(crate) fn from_query(
        identity: &'a Identity,
        headers: &Headers<'a>,
        query: &'a Query<'_>,
    ) -> Result<Self, Problem> {
        let mut named = named(headers)?;
        for (value, (_, _, parameter)) in named.iter_mut().zip(NAMED) {
            *value = value.or_else(|| query.get(parameter));
        }
        match named {
            [None, ..] if identity.claims().is_none() => {
                Err(Problem::invalid("the user is missing: a bucket needs a stable id")
                    .hint("send the header X-PTT-User-Id or the query parameter user"))
            }
            _ => Ok(Self { identity, named, members: Vec::new() }),
        }
    }

    /// Of a request with a body: the token and then headers overrule the members of the body's context.
    ///
    /// # Errors
    /// There is no user in any, or the body's is no id, or a header cannot be read.
    pub(crate) fn from_body(
        identity: &'a Identity,
        headers: &Headers<'a>,
        members: Vec<(Cow<'a, str>, Json<'a>)>,
    ) -> Result<Self, Problem> {
        let caller = Self { identity, named: named(headers)?, members };
        if identity.claims().is_some() || caller.named.first().is_some_and(Option::is_some) {
            return Ok(caller);
        }
        let refuse = |what: &str| {
            Err(Problem::invalid(format!("/context/user_id {what}"))
                .hint("a bucket needs a stable id: a string that is not empty, or an integer"))
        };
        match caller.member(attribute::USER_ID) {
            None | Some(Json::Null) => refuse("is missing"),
            Some(Json::String(id)) if !id.is_empty() => Ok(caller),
            Some(id) if id.as_safe_integer().is_some() => Ok(caller),
            Some(_) => refuse("must be a string that is not empty, or an integer"),
        }
    }

    /// Who asks, as far as it is known.
    pub(crate) fn identity(&self) -> &'a Identity {
        self.identity
    }

    /// What stands before the body's context: the token's claim, else the header or the query.
    fn text(&self, name: &str) -> Option<&str> {
        let claim = self.identity.claims().and_then(|claims| claims.attribute(name));
        let named =
            || NAMED.iter().zip(self.named).find(|((known, ..), _)| *known == name).and_then(|(_, value)| value);
        claim.or_else(named)
    }

    /// A member of the body's context. Of a repeated name the last counts, as in `JSON.parse`.
    fn member(&self, name: &str) -> Option<&Json<'a>> {
        self.members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What the headers name. The platform reads them as UTF-8, and shows bytes that are not as U+FFFD: to evaluate that would be to
/// evaluate for somebody else.
fn named<'a>(headers: &Headers<'a>) -> Result<[Option<&'a str>; NAMED.len()], Problem> {
    let values = NAMED.map(|(_, header, _)| headers.get(header));
    match values.iter().zip(NAMED).find(|(value, _)| value.is_some_and(|value| value.contains('\u{fffd}'))) {
        None => Ok(values),
        Some((_, (_, header, _))) => Err(Problem::invalid(format!("the header {} is not UTF-8", header.name())).hint(
            "browsers and many clients send Latin-1 in headers: put what is not ASCII into the query or the body",
        )),
    }
}

impl Context for Caller<'_> {
    fn get(&self, attribute: &Attribute) -> Value<'_> {
        match self.text(&attribute.name) {
            Some(text) => text.into(),
            None => self.member(&attribute.name).map_or(Value::Absent, Value::from),
        }
    }

    fn any_item(&self, attribute: &Attribute, is_wanted: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match self.member(&attribute.name) {
            Some(Json::Array(items)) if self.text(&attribute.name).is_none() => {
                items.iter().any(|item| is_wanted(item.into()))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn get<'c>(caller: &'c Caller<'_>, name: &str) -> Value<'c> {
        caller.get(&Attribute { id: 0, name: name.into() })
    }

    fn body(text: &str) -> Result<Caller<'_>, Problem> {
        let Json::Object(members) = Json::parse(text).unwrap() else { panic!("an object") };
        Caller::from_body(&Identity::DEV_HEADERS, &Headers::default(), members)
    }

    #[test]
    fn a_body_names_a_user_by_an_id() {
        for text in
            [r#"{"user_id": "U"}"#, r#"{"user_id": 42}"#, r#"{"user_id": 1.0}"#, r#"{"user_id": "", "user_id": "U"}"#]
        {
            assert!(body(text).is_ok(), "{text}");
        }
        for text in [
            "{}",
            r#"{"user_id": null}"#,
            r#"{"user_id": ""}"#,
            r#"{"user_id": 1.5}"#,
            r#"{"user_id": true}"#,
            r#"{"user_id": ["U"]}"#,
        ] {
            let problem = body(text).unwrap_err();
            assert!(problem.message.starts_with("/context/user_id "), "{text}: {}", problem.message);
        }
    }

    #[test]
    fn a_header_that_is_not_utf_8_is_nobody() {
        let headers = Headers::default().with(Header::RoleKey, "caf\u{fffd}").with(Header::UserId, "U");
        let problem = Caller::from_body(&Identity::DEV_HEADERS, &headers, Vec::new()).unwrap_err();
        assert!(problem.message.contains("X-PTT-Role-Key is not UTF-8"), "{}", problem.message);
        assert!(Caller::from_query(&Identity::DEV_HEADERS, &headers, &Query::default()).is_err());
        let utf8 = Headers::default().with(Header::UserId, "café");
        assert!(Caller::from_body(&Identity::DEV_HEADERS, &utf8, Vec::new()).is_ok());
    }

    #[test]
    fn headers_overrule_a_body() {
        let headers = Headers::default().with(Header::UserId, "H").with(Header::Env, "prod");
        let members = vec![
            ("user_id".into(), Json::Bool(true)),
            ("env".into(), Json::String("dev".into())),
            ("age".into(), Json::Integer(41)),
        ];
        let caller = Caller::from_body(&Identity::DEV_HEADERS, &headers, members).unwrap();
        assert_eq!(get(&caller, "user_id"), "H".into());
        assert_eq!(get(&caller, "env"), "prod".into());
        assert_eq!(get(&caller, "age"), 41.0.into());
        assert_eq!(get(&caller, "tier"), Value::Absent);
    }

    proptest! {
        /// For every attribute, whichever of the two is there: the header, else the query, else nothing.
        #[test]
        fn header_over_query_over_nothing(
            headers in proptest::array::uniform5(proptest::option::of("[a-z]{1,4}")),
            queries in proptest::array::uniform5(proptest::option::of("[a-z]{1,4}")),
        ) {
            let mut sent = Headers::default();
            let mut pairs = Vec::new();
            for (index, (_, header, parameter)) in NAMED.into_iter().enumerate() {
                if let Some(value) = &headers[index] {
                    sent = sent.with(header, value);
                }
                pairs.extend(queries[index].as_ref().map(|value| format!("{parameter}={value}")));
            }
            let text = pairs.join("&");
            let query = Query::parse(&text).unwrap();
            match Caller::from_query(&Identity::DEV_HEADERS, &sent, &query) {
                Err(problem) => {
                    prop_assert_eq!(problem.status(), 400);
                    prop_assert!(headers[0].is_none() && queries[0].is_none());
                }
                Ok(caller) => for (index, (name, ..)) in NAMED.into_iter().enumerate() {
                    let expected = headers[index].as_deref().or(queries[index].as_deref());
                    prop_assert_eq!(get(&caller, name), expected.map_or(Value::Absent, Value::from));
                },
            }
        }
    }
}
