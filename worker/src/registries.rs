//! The registries that this isolate holds, compiled, one slot per tenant.
//!
//! Of the requests that find none, one reads storage. The others look every few milliseconds whether it is there, each with a timer of its
//! own: on this platform a request that waits for another's promise can be left hanging when that one ends. Callers can name any tenant,
//! so there is an end to the slots: `burgee_contract::Slots`.

use std::cell::RefCell;
use std::rc::Rc;

use burgee_contract::metrics::{ReadResult, ReadSource};
use burgee_contract::sensitive::Gate;
use burgee_contract::{
    self as contract, Backing, BackingState, Cache, Loaded, ReadFault, Reading, RegistryLog, Served, Settings, Slot,
    Slots, Truth, Verdict, limits, verdict,
};
use worker::js_sys::futures::JsFuture;
use worker::{Context, Env};

use crate::meter::Tap;
use crate::{bridge, meter, now};

/// The KV namespace that snapshots are published to, as `snapshot:{tenant}`.
const BINDING: &str = "FLAGS";

/// Seconds for which a location's KV cache may answer; the least that KV allows, so that a published snapshot shows soonest.
const KV_CACHE_TTL_S: u32 = 30;

/// The static file of the platform tenant's registry, where `FF_BACKING` is `file`.
const FILE: &str = "registry.json";

/// Runs `work` on a tenant's slot. It takes no `async` code, so no borrow can live across an `await`.
fn with_slot<T>(tenant: &str, work: impl FnOnce(&mut Slot<Rc<Loaded>>) -> T) -> T {
    thread_local! {
        static SLOTS: RefCell<Slots<Rc<Loaded>>> =
            const { RefCell::new(Slots::new(|loaded| loaded.size())) };
    }
    SLOTS.with_borrow_mut(|slots| slots.with(tenant, work))
}

/// A registry to answer from, and how it was come by.
pub(crate) struct Found {
    loaded: Rc<Loaded>,
    backing: BackingState,
    cache: Cache,
    confirmed_at: i64,
    fault: Option<ReadFault>,
    /// Whether the tenant has an object, and so an event stream.
    pub(crate) has_object: bool,
}

impl Found {
    /// The same as `burgee-contract` takes it.
    pub(crate) fn served<'a>(&'a self, gate: &'a Gate) -> Served<'a> {
        let Self { loaded, backing, cache, confirmed_at, fault, .. } = self;
        Served { loaded, backing: *backing, cache: *cache, confirmed_at: *confirmed_at, fault: fault.as_ref(), gate }
    }

    /// The registry.
    pub(crate) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Whether it was confirmed within its time.
    pub(crate) fn is_current(&self) -> bool {
        self.cache == Cache::Hit
    }

    fn of(slot: &Slot<Rc<Loaded>>, backing: Backing, cache: Cache) -> Option<Self> {
        let fault = slot.fault().cloned();
        // What was read just now and could not be used leaves what was held before.
        let cache = if fault.is_some() { Cache::Stale } else { cache };
        let has_object = slot.has_object();
        let backing = backing.state(has_object);
        Some(Self {
            loaded: slot.held()?.clone(),
            backing,
            cache,
            confirmed_at: slot.confirmed_at()?,
            fault,
            has_object,
        })
    }
}

/// Where a tenant's registry is to be had.
pub(crate) enum Look {
    /// It is in memory. Where it is past its time, a refresh has been started in the background.
    Held(Found),
    /// It must be [`read`].
    Read(Load),
}

/// How a registry that is not in memory is to be had.
pub(crate) struct Load(contract::Look<Rc<Loaded>>);

impl Look {
    /// How it is had from storage now, whatever is in memory.
    pub(crate) fn load(self) -> Load {
        match self {
            Self::Held(_) => Load(contract::Look::Read(Cache::Miss)),
            Self::Read(load) => load,
        }
    }
}

/// Looks for a tenant's registry in memory, without waiting. `asked` is a version that the caller knows of, 0 where he knows of none.
pub(crate) fn look(tenant: &str, settings: &Rc<Settings>, asked: u64, env: &Env, context: &Context) -> Look {
    let (look, found) = with_slot(tenant, |slot| {
        let look = slot.look(now(), settings.soft_ttl_ms, asked);
        let found = match look {
            contract::Look::Use { cache, .. } => Found::of(slot, settings.backing, cache),
            contract::Look::Read(_) | contract::Look::Wait(_) | contract::Look::Failed => None,
        };
        (look, found)
    });
    if let contract::Look::Use { refresh: true, .. } = look {
        let (tenant, settings, env) = (tenant.to_owned(), settings.clone(), env.clone());
        context.wait_until(async move { refresh(&tenant, &settings, &env, None).await });
    }
    found.map_or_else(|| Look::Read(Load(look)), Look::Held)
}

/// Notes that a write which this isolate carried made a version: the tenant's next answer waits for it, where the object that made it is asked.
pub(crate) fn want(tenant: &str, version: u64, backing: Backing) {
    if backing == Backing::Object {
        with_slot(tenant, |slot| slot.want(version));
    }
}

/// How it stood with the tenant's object when its registry was last read.
pub(crate) fn truth(tenant: &str) -> Truth {
    with_slot(tenant, |slot| slot.truth())
}

/// Reads a tenant's registry, or waits for the request that does. `tap` is of the request that asks.
///
/// # Errors
/// There is none that can be used, and memory holds none.
pub(crate) async fn read(
    tenant: &str,
    load: Load,
    settings: &Settings,
    env: &Env,
    tap: &Tap,
) -> Result<Found, ReadFault> {
    let Load(mut look) = load;
    let cache = loop {
        match look {
            contract::Look::Use { cache, .. } => break cache,
            contract::Look::Failed => break Cache::Miss,
            contract::Look::Read(cache) => {
                refresh(tenant, settings, env, Some(tap)).await;
                break cache;
            }
            contract::Look::Wait(waiting) => {
                bridge::pause(limits::LOAD_POLL_MS).await;
                look = with_slot(tenant, |slot| slot.look_again(now(), waiting));
            }
        }
    };
    with_slot(tenant, |slot| {
        // Another request may have stored one while this one waited; it is as good.
        Found::of(slot, settings.backing, cache)
            .ok_or_else(|| slot.fault().cloned().unwrap_or_else(|| ReadFault::missing(tenant)))
    })
}

/// Reads a tenant's registry from where it is stored. The slot is told what came of it, and a line is logged where that is news.
async fn refresh(tenant: &str, settings: &Settings, env: &Env, tap: Option<&Tap>) {
    let before = with_slot(tenant, |slot| slot.version());
    let (stored, source) = match settings.backing {
        Backing::Object => return refresh_from_object(tenant, env, tap).await,
        Backing::Kv => (bridge::bytes(stored(tenant, env)).await, ReadSource::Kv),
        Backing::File if settings.is_tenant_of_file(tenant) => {
            (bridge::bytes(bridge::file(env, FILE)).await, ReadSource::File)
        }
        Backing::File => (Ok(None), ReadSource::File),
    };
    let held = with_slot(tenant, |slot| slot.held().cloned());
    let read = Loaded::take(tenant, stored, held.as_deref());
    count(tenant, source, &read);
    settle(tenant, before, read, tap);
}

/// Begins to read what is published of a tenant to KV.
fn stored(tenant: &str, env: &Env) -> JsFuture {
    bridge::stored(env, BINDING, &format!("snapshot:{tenant}"), KV_CACHE_TTL_S)
}

/// Reads KV and, at the same time, asks the tenant's object for its version; where KV is behind, the object for the snapshot too.
async fn refresh_from_object(tenant: &str, env: &Env, tap: Option<&Tap>) {
    let before = with_slot(tenant, |slot| slot.version());
    // Both are under way before either is waited for.
    let published = stored(tenant, env);
    let truth = bridge::truth(env, tenant);
    let published = bridge::bytes(published).await;
    let truth = bridge::version(truth).await;
    with_slot(tenant, |slot| slot.note(truth));
    if verdict(before, None, truth) == Verdict::Keep {
        // What is held is what the object has, whatever KV says.
        count(tenant, ReadSource::Object, &Ok(Reading::Unchanged));
        return with_slot(tenant, |slot| slot.confirm(now()));
    }
    let held = with_slot(tenant, |slot| slot.held().cloned());
    let read = Loaded::take(tenant, published, held.as_deref());
    count(tenant, ReadSource::Kv, &read);
    let published = match &read {
        Ok(Reading::Unchanged) => before,
        Ok(Reading::New(loaded)) => Some(loaded.version()),
        Err(_) => None,
    };
    let read = match verdict(before, published, truth) {
        Verdict::Keep => Ok(Reading::Unchanged),
        Verdict::Published => read,
        Verdict::Stale => Err(ReadFault::behind(tenant, "the tenant's object did not answer")),
        Verdict::Object => {
            let newest = bridge::bytes(bridge::snapshot(env, tenant)).await;
            let newest = Loaded::take(tenant, newest, held.as_deref());
            count(tenant, ReadSource::Object, &newest);
            match (newest, read) {
                (Err(fault), Ok(Reading::New(loaded))) if before < published => {
                    // Newer than what is held, if not the newest.
                    settle(tenant, before, Ok(Reading::New(loaded)), tap);
                    Err(fault)
                }
                (newest, _) => newest,
            }
        }
    };
    settle(tenant, before, read, tap);
}

/// Tells a tenant's slot what came of a read that began while it held the version `before`; `tap` is of the request that waits for it.
fn settle(tenant: &str, before: Option<u64>, read: Result<Reading, ReadFault>, tap: Option<&Tap>) {
    let now = now();
    let log = |line: &RegistryLog<'_>| match tap {
        Some(tap) => tap.log(line.level, line),
        None => bridge::log(line.level, line),
    };
    with_slot(tenant, |slot| match read {
        Ok(Reading::Unchanged) => slot.confirm(now),
        // Another read that ended before this one brought something newer.
        Ok(Reading::New(loaded)) if slot.version() != before && slot.version() > Some(loaded.version()) => {}
        Ok(Reading::New(loaded)) => {
            log(&RegistryLog::loaded(tenant, &loaded, now));
            let version = loaded.version();
            slot.store(Rc::from(loaded), version, now);
        }
        Err(fault) => {
            if slot.fault() != Some(&fault) {
                log(&RegistryLog::failed(tenant, &fault, now));
            }
            slot.fail(fault, now);
        }
    });
}

/// Counts a look at one of the two places where a snapshot may be.
fn count(tenant: &str, source: ReadSource, read: &Result<Reading, ReadFault>) {
    meter::count_read(source, ReadResult::of(read), read.is_ok().then_some((tenant, now())));
}
