//! Which sensitive flags a request's answer depends on, and what the policy service is asked about each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gate::{Answered, Gate};
use super::policy::{PolicyAnswer, is_approval_ref};
use crate::flags_api;
use crate::http::{Header, Request};
use crate::limits;
use crate::loaded::Loaded;
use crate::ofrep;
use crate::query::Query;
use crate::route::{Plan, Route};

/// Who asks, as far as it matters to sensitive flags: somebody who is verified.
#[derive(Clone, Copy, Debug)]
struct Asker<'a> {
    subject: &'a str,
    tenant_id: Option<&'a str>,
    approval_ref: Option<&'a str>,
}

/// What must be asked before a request can be answered.
#[derive(Debug)]
pub struct Inquiry {
    questions: Vec<Question>,
}

/// What is asked about one flag.
#[derive(Debug)]
pub struct Question {
    key: String,
    approval_ref: Option<String>,
    body: String,
}

impl Question {
    /// What is sent to [`super::PolicySettings::url`] with POST, as JSON.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// The flags that a request is about.
enum Flags {
    These(Vec<String>),
    All,
}

impl Inquiry {
    /// Finds what must be asked about a request that reads a registry; none where it can be answered at once: because its answer depends on
    /// no sensitive flag, because nobody has verified who asks, who then is told of none, or because it is refused anyway.
    #[must_use]
    pub fn of(plan: &Plan<'_>, request: &Request<'_>, loaded: &Loaded) -> Option<Self> {
        let is_open = || loaded.snapshot_if_compiled().is_some_and(|snapshot| !snapshot.has_sensitive());
        let claims = plan.caller().ok().filter(|caller| caller.is_verified())?.claims()?;
        if is_open() {
            return None;
        }
        let mut approval_ref = None;
        let flags = match plan.route {
            Route::Evaluate => Flags::These(vec![Query::parse(request.query).ok()?.get("key")?.to_owned()]),
            Route::EvaluateBatch => Flags::These(flags_api::keys_of_batch(request).ok()?),
            Route::SensitiveEvaluate => {
                let asked = flags_api::sensitive_asked(request).ok()?;
                approval_ref = asked.approval_ref;
                Flags::These(vec![asked.key.into_owned()])
            }
            Route::OfrepOne => Flags::These(vec![ofrep::decoded_key_in(request.path)?]),
            Route::OfrepAll => Flags::All,
            _ => return None,
        };
        let named = claims.approval_ref.as_deref().or_else(|| request.headers.get(Header::ApprovalRef));
        let asker = Asker {
            subject: &claims.subject,
            tenant_id: claims.tenant_id.as_deref().or_else(|| request.headers.get(Header::TenantId)),
            approval_ref: named.or(approval_ref.as_deref()),
        };
        match flags {
            Flags::These(keys) => Self::about(keys.iter().map(String::as_str), loaded, &asker),
            Flags::All => Self::about_all(loaded, &asker),
        }
    }

    fn about<'k>(keys: impl Iterator<Item = &'k str>, loaded: &Loaded, asker: &Asker<'_>) -> Option<Self> {
        let mut questions = BTreeMap::new();
        for key in keys {
            let found = loaded.find(key).ok()?;
            let snapshot = found.snapshot();
            let Some(index) = found.index else { continue };
            for flag in snapshot.sensitive_flags(index).into_iter().filter_map(|flag| snapshot.flag(flag)) {
                add(&mut questions, flag, asker);
            }
        }
        Self::with(questions)
    }

    fn about_all(loaded: &Loaded, asker: &Asker<'_>) -> Option<Self> {
        let mut questions = BTreeMap::new();
        loaded.snapshot().ok()?.flags().iter().for_each(|flag| add(&mut questions, flag, asker));
        Self::with(questions)
    }

    fn with(questions: BTreeMap<String, Question>) -> Option<Self> {
        (!questions.is_empty()).then(|| Self { questions: questions.into_values().collect() })
    }

    /// What is asked, each flag once; of all of them at the same time. What is past [`limits::POLICY_QUESTIONS`] is not asked.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        self.questions.get(..limits::POLICY_QUESTIONS).unwrap_or(&self.questions)
    }

    /// The gate, with the answers in the order of the questions.
    #[must_use]
    pub fn gate(self, answers: Vec<PolicyAnswer>) -> Gate {
        Gate::of(
            self.questions
                .into_iter()
                .zip(answers)
                .map(|(question, answer)| (question.key, Answered { answer, approval_ref: question.approval_ref })),
        )
    }
}

fn add(questions: &mut BTreeMap<String, Question>, flag: &burgee_core::CompiledFlag, asker: &Asker<'_>) {
    #[derive(Serialize)]
    struct Body<'a> {
        target_type: &'static str,
        target_id: &'a str,
        matrix_row: Option<&'a str>,
        subject: &'a str,
        tenant_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        approval_ref: Option<&'a str>,
    }
    let Some(sensitive) = flag.sensitive() else { return };
    let approval_ref = asker.approval_ref.filter(|text| sensitive.requires_approval && is_approval_ref(text));
    let body = Body {
        target_type: "feature_flag",
        target_id: flag.key(),
        matrix_row: sensitive.approval_matrix_row.as_deref(),
        subject: asker.subject,
        tenant_id: asker.tenant_id,
        approval_ref,
    };
    // Texts can always be written; an empty body would be answered as such.
    let body = serde_json::to_string(&body).unwrap_or_default();
    let key = flag.key().to_owned();
    let approval_ref = approval_ref.map(str::to_owned);
    questions.entry(key.clone()).or_insert(Question { key, approval_ref, body });
}

#[cfg(test)]
#[path = "inquiry_tests.rs"]
mod tests;
