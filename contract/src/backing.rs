//! Where registries are stored, and what answers say of it (`docs/trust.md`, section 5).

use serde::Serialize;

use crate::settings::Settings;

/// Where registries are read from: `FF_BACKING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// KV, with the tenant's object behind it, which is asked for its version.
    Object,
    /// KV alone.
    Kv,
    /// One static file, with the platform tenant's registry.
    File,
}

impl Backing {
    /// The backing that the setting names so; none where there is no such.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "object" => Some(Self::Object),
            "kv" => Some(Self::Kv),
            "file" => Some(Self::File),
            _ => None,
        }
    }

    /// What answers say; `has_object` is whether the tenant has an object that was written to.
    #[must_use]
    pub fn state(self, has_object: bool) -> BackingState {
        match self {
            Self::Object if has_object => BackingState::ObjectBacked,
            Self::Object | Self::Kv => BackingState::KvBacked,
            Self::File => BackingState::FileBacked,
        }
    }
}

/// What stands behind an answer: `meta.backing_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackingState {
    /// KV, and the tenant's object behind it.
    ObjectBacked,
    /// KV.
    KvBacked,
    /// A static file.
    FileBacked,
}

impl Settings {
    /// Whether the static file is a tenant's: it holds the platform tenant's registry, and nobody else may be answered from it.
    #[must_use]
    pub fn is_tenant_of_file(&self, tenant: &str) -> bool {
        self.platform_tenant == tenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_what_stands_behind_them() {
        for (name, without, with) in [
            ("object", "kv_backed", "object_backed"),
            ("kv", "kv_backed", "kv_backed"),
            ("file", "file_backed", "file_backed"),
        ] {
            let backing = Backing::named(name).unwrap();
            for (has_object, expected) in [(false, without), (true, with)] {
                assert_eq!(serde_json::to_value(backing.state(has_object)).unwrap(), expected, "{name}");
            }
        }
        for name in ["", "Object", "db", "kv "] {
            assert_eq!(Backing::named(name), None);
        }
    }

    #[test]
    fn the_file_is_the_platforms() {
        let settings = Settings { platform_tenant: "acme".to_owned(), ..Settings::default() };
        assert!(settings.is_tenant_of_file("acme") && !settings.is_tenant_of_file("platform"));
    }
}
