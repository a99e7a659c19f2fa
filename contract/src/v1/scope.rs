//! What a token lets its bearer do.

/// A scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reading flags and all that belongs to them.
    FlagsRead,
    /// The same, and writing.
    FlagsWrite,
    /// Reading segments.
    SegmentsRead,
    /// The same, and writing.
    SegmentsWrite,
    /// Evaluating.
    Evaluate,
    /// Reading the audit.
    AuditRead,
    /// Kill switches, and the switch that stops rollouts.
    KillSwitch,
    /// Releasing and refusing proposals.
    Approve,
    /// Everything.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::FlagsRead,
        Self::FlagsWrite,
        Self::SegmentsRead,
        Self::SegmentsWrite,
        Self::Evaluate,
        Self::AuditRead,
        Self::KillSwitch,
        Self::Approve,
        Self::Admin,
    ];

    /// The name, as tokens have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FlagsRead => "flags:r",
            Self::FlagsWrite => "flags:rw",
            Self::SegmentsRead => "segments:r",
            Self::SegmentsWrite => "segments:rw",
            Self::Evaluate => "evaluate",
            Self::AuditRead => "audit:r",
            Self::KillSwitch => "killswitch:rw",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }

    /// The scope of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Whether one of these names gives it: itself, what writes where it reads, or `admin`.
    #[must_use]
    pub fn is_given_by<S: AsRef<str>>(self, names: &[S]) -> bool {
        names.iter().filter_map(|name| Self::of(name.as_ref())).any(|given| {
            given == self
                || given == Self::Admin
                || matches!(
                    (given, self),
                    (Self::FlagsWrite, Self::FlagsRead) | (Self::SegmentsWrite, Self::SegmentsRead)
                )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_includes_reading_and_admin_everything() {
        for (given, wanted, is_given) in [
            ("flags:rw", Scope::FlagsRead, true),
            ("flags:r", Scope::FlagsWrite, false),
            ("segments:rw", Scope::SegmentsRead, true),
            ("segments:rw", Scope::FlagsRead, false),
            ("flags:rw", Scope::SegmentsRead, false),
            ("killswitch:rw", Scope::Approve, false),
            ("flags:*", Scope::FlagsRead, false),
            ("Admin", Scope::FlagsRead, false),
            ("", Scope::Evaluate, false),
        ] {
            assert_eq!(wanted.is_given_by(&[given]), is_given, "{given} {wanted:?}");
        }
        for scope in Scope::ALL {
            assert!(scope.is_given_by(&["admin"]));
            assert!(scope.is_given_by(&["nonsense", scope.name()]));
            assert!(!scope.is_given_by::<&str>(&[]));
            assert_eq!(Scope::of(scope.name()), Some(scope));
        }
    }
}
