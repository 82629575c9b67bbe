//! `poll_oneoff`: waiting for clocks and descriptors.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::ctx::Context;
use crate::errno::{Errno, Outcome};
use crate::file::{SLICE, poll};
use crate::functions::process::{MONOTONIC, REALTIME, now};
use crate::guest::Guest;
use crate::rights::{Filetype, right};
use crate::table::{Entry, Object};

/// What can be subscribed to.
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// A clock's time is absolute.
const ABSTIME: u16 = 1;

/// An event's flag: the other end is closed.
const HANGUP: u16 = 1;

/// How many subscriptions a call may have: as many as there can be descriptors, for both
/// directions and a clock each.
const LIMIT: u32 = 3 << 16;

const EVENT_BYTES: u64 = 32;

/// Where the parts of a subscription are, in one version.
pub(crate) struct Layout {
    size: u32,
    clock: usize,
    timeout: usize,
    flags: usize,
}

/// `wasi_snapshot_preview1`.
pub(crate) const PREVIEW1: Layout = Layout { size: 48, clock: 16, timeout: 24, flags: 40 };

/// `wasi_unstable`.
pub(crate) const UNSTABLE: Layout = Layout { size: 56, clock: 24, timeout: 32, flags: 48 };

/// What a guest waits for.
struct Subscription {
    userdata: u64,
    kind: u8,
    what: What,
}

enum What {
    /// A clock, and its time.
    Clock(u32, u64),
    /// A descriptor; what it stands for is always ready if it has no descriptor of the host's.
    Descriptor(Entry),
    /// Something that cannot be waited for.
    Wrong(Errno),
}

/// What a subscription came to: bytes that can be read or written, and flags; or an error.
type Event = Result<(u64, u16), Errno>;

/// What has happened, by subscription.
type Happened = Vec<Option<Event>>;

pub(crate) fn poll_oneoff(
    cx: &Context,
    guest: &mut Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    result: u32,
) -> Outcome {
    poll_all(cx, guest, &PREVIEW1, subscriptions, events, count, result)
}

/// Waits on the thread until something happens, and tells the guest.
pub(crate) fn poll_all(
    cx: &Context,
    guest: &mut Guest<'_>,
    layout: &Layout,
    subscriptions: u32,
    events: u32,
    count: u32,
    result: u32,
) -> Outcome {
    let wanted = Poll::new(cx, guest, layout, subscriptions, events, count, result)?;
    // At first nothing is waited for: what is ready is ready.
    let mut time = Some(Duration::ZERO);
    while let Look::Again(next) = wanted.look(cx, guest, time)? {
        time = next;
    }
    Ok(())
}

/// A call of `poll_oneoff`: what is waited for, and where the guest is told.
pub(crate) struct Poll {
    subscriptions: Vec<Subscription>,
    events: u32,
    result: u32,
}

/// What a look at the subscriptions came to.
pub(crate) enum Look {
    /// Something has happened, and the guest is told.
    Done,
    /// Nothing has happened. It is to be looked again after this time at the latest, or when a
    /// descriptor is ready.
    Again(Option<Duration>),
}

impl Poll {
    pub(crate) fn new(
        cx: &Context,
        guest: &Guest<'_>,
        layout: &Layout,
        subscriptions: u32,
        events: u32,
        count: u32,
        result: u32,
    ) -> Outcome<Poll> {
        guest.check(subscriptions, u64::from(count) * u64::from(layout.size))?;
        guest.check(events, u64::from(count) * EVENT_BYTES)?;
        guest.check_u32(result)?;
        if count == 0 || count > LIMIT {
            return Err(Errno::Inval.into());
        }
        let subscriptions = (0..count)
            .map(|index| subscription(cx, guest, layout, subscriptions + index * layout.size))
            .collect::<Outcome<Vec<_>>>()?;
        Ok(Poll { subscriptions, events, result })
    }

    /// Whether it waits for more than clocks.
    #[cfg(feature = "async")]
    pub(crate) fn has_descriptors(&self) -> bool {
        self.subscriptions.iter().any(|one| matches!(one.what, What::Descriptor(_)))
    }

    /// Waits for this time at most (without a limit if there is none), and tells the guest what has
    /// happened.
    pub(crate) fn look(
        &self,
        cx: &Context,
        guest: &mut Guest<'_>,
        time: Option<Duration>,
    ) -> Outcome<Look> {
        let (happened, nearest) = wait(cx, &self.subscriptions, time)?;
        if happened.iter().any(Option::is_some) {
            self.tell(guest, &happened)?;
            return Ok(Look::Done);
        }
        let can_be_stopped = guest.check_time_waiting()?;
        if let Some((clock, nanos)) = nearest
            && advance(cx, clock, nanos)
        {
            return Ok(Look::Again(Some(Duration::ZERO)));
        }
        // A stream of the embedder's cannot be waited for, and the time of day can be changed
        // while it is, so these are looked at again and again.
        let looks_again = self.subscriptions.iter().any(|subscription| match &subscription.what {
            What::Descriptor(entry) => matches!(&*entry.object, Object::Input(_)),
            What::Clock(clock, _) => *clock == REALTIME,
            What::Wrong(_) => false,
        });
        let slice = (can_be_stopped || looks_again).then_some(SLICE);
        let left = nearest.map(|(_, nanos)| Duration::from_nanos(nanos));
        Ok(Look::Again([slice, left].into_iter().flatten().min()))
    }

    fn tell(&self, guest: &mut Guest<'_>, happened: &[Option<Event>]) -> Outcome {
        let mut addr = self.events;
        for (subscription, event) in self.subscriptions.iter().zip(happened) {
            let Some(event) = event else { continue };
            let mut bytes = [0; EVENT_BYTES as usize];
            bytes[..8].copy_from_slice(&subscription.userdata.to_le_bytes());
            bytes[10] = subscription.kind;
            match *event {
                Ok((ready, flags)) => {
                    bytes[16..24].copy_from_slice(&ready.to_le_bytes());
                    bytes[24..26].copy_from_slice(&flags.to_le_bytes());
                }
                Err(errno) => bytes[8..10].copy_from_slice(&(errno as u16).to_le_bytes()),
            }
            guest.write(addr, &bytes)?;
            addr = addr.wrapping_add(EVENT_BYTES as u32);
        }
        guest.write_u32(self.result, happened.iter().flatten().count() as u32)
    }
}

fn subscription(
    cx: &Context,
    guest: &Guest<'_>,
    layout: &Layout,
    addr: u32,
) -> Outcome<Subscription> {
    let mut bytes = [0; 56];
    let bytes = &mut bytes[..layout.size as usize];
    guest.read(addr, bytes)?;
    let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
    // The lower bytes come first.
    let u32_at = |at| u64_at(at) as u32;
    let kind = bytes[8];
    let what = match kind {
        CLOCK => {
            let (clock, timeout) = (u32_at(layout.clock), u64_at(layout.timeout));
            let flags = u64_at(layout.flags) as u16;
            match now(cx, clock) {
                _ if flags & !ABSTIME != 0 => return Err(Errno::Inval.into()),
                Ok(_) if flags & ABSTIME != 0 => What::Clock(clock, timeout),
                // What is relative is not to change with the time of day.
                Ok(_) => What::Clock(MONOTONIC, now(cx, MONOTONIC)?.saturating_add(timeout)),
                Err(errno) => What::Wrong(errno),
            }
        }
        FD_READ | FD_WRITE => match cx.get(u32_at(16), right::POLL_FD_READWRITE) {
            Ok(entry) => descriptor(kind, entry),
            Err(errno) => What::Wrong(errno),
        },
        _ => return Err(Errno::Inval.into()),
    };
    Ok(Subscription { userdata: u64_at(0), kind, what })
}

/// A descriptor that is waited for, if it can be read or written at all.
fn descriptor(kind: u8, entry: Entry) -> What {
    let possible = match &*entry.object {
        Object::File(file) if kind == FD_READ => file.is_readable(),
        Object::File(file) => file.is_writable(),
        Object::Input(_) => kind == FD_READ,
        Object::Output(_) => kind == FD_WRITE,
        Object::Directory(_) => false,
    };
    if possible { What::Descriptor(entry) } else { What::Wrong(Errno::Badf) }
}

/// Waits for this time at most: what has happened, and the clock that is next with the nanoseconds
/// that are left.
fn wait(
    cx: &Context,
    subscriptions: &[Subscription],
    time: Option<Duration>,
) -> Outcome<(Happened, Option<(u32, u64)>)> {
    let mut polled = Vec::new();
    let mut polled_index = Vec::new();
    for (index, subscription) in subscriptions.iter().enumerate() {
        if let What::Descriptor(entry) = &subscription.what
            && let Object::File(file) = &*entry.object
            && !file.is_seekable()
        {
            let events = if subscription.kind == FD_READ { PollFlags::IN } else { PollFlags::OUT };
            polled.push(PollFd::from_borrowed_fd(file.fd(), events));
            polled_index.push(index);
        }
    }
    let mut happened: Happened = vec![None; subscriptions.len()];
    poll(&mut polled, time)?;
    for (fd, &index) in polled.iter().zip(&polled_index) {
        happened[index] = polled_event(&subscriptions[index], fd.revents());
    }
    let mut nearest: Option<(u32, u64)> = None;
    for (subscription, event) in subscriptions.iter().zip(&mut happened) {
        match &subscription.what {
            What::Wrong(errno) => *event = Some(Err(*errno)),
            What::Descriptor(entry) => {
                if event.is_none() {
                    *event = unpolled_event(entry, subscription.kind);
                }
            }
            What::Clock(clock, deadline) => {
                let left = deadline.saturating_sub(now(cx, *clock)?);
                if left == 0 {
                    *event = Some(Ok((0, 0)));
                } else if nearest.is_none_or(|(_, nearest)| left < nearest) {
                    nearest = Some((*clock, left));
                }
            }
        }
    }
    Ok((happened, nearest))
}

/// Lets time pass without waiting, if the clock can.
fn advance(cx: &Context, clock: u32, nanos: u64) -> bool {
    if clock == REALTIME {
        cx.wall_clock.advance(Duration::from_nanos(nanos))
    } else {
        cx.monotonic_clock.advance(nanos)
    }
}

/// What the host says of a descriptor.
fn polled_event(subscription: &Subscription, found: PollFlags) -> Option<Event> {
    let What::Descriptor(entry) = &subscription.what else { return None };
    let Object::File(file) = &*entry.object else { return None };
    if found.is_empty() {
        return None;
    }
    if found.contains(PollFlags::NVAL) {
        return Some(Err(Errno::Badf));
    }
    let closed = found.intersects(PollFlags::HUP | PollFlags::ERR);
    let flags = if closed { HANGUP } else { 0 };
    if subscription.kind == FD_WRITE {
        // A pipe or terminal that is ready takes this much at least.
        let ready = if found.contains(PollFlags::OUT) { 4096 } else { 0 };
        return Some(Ok((ready, flags)));
    }
    let is_listening = matches!(file.filetype(), Filetype::SocketStream)
        && rustix::net::sockopt::socket_acceptconn(file.fd()).unwrap_or(false);
    let ready = if is_listening { Ok(1) } else { rustix::io::ioctl_fionread(file.fd()) };
    // What cannot say how much there is has something all the same.
    Some(Ok((ready.unwrap_or(1), flags)))
}

/// What is known of a descriptor without asking the host whether it is ready.
fn unpolled_event(entry: &Entry, kind: u8) -> Option<Event> {
    match &*entry.object {
        Object::File(file) if !file.is_seekable() => None,
        Object::File(file) if kind == FD_READ => {
            let size = rustix::fs::fstat(file.fd()).map(|stat| stat.st_size as u64).unwrap_or(0);
            let position = rustix::fs::tell(file.fd()).unwrap_or(0);
            Some(Ok((size.saturating_sub(position), 0)))
        }
        Object::Input(input) => {
            let ready = input.ready_bytes()?;
            Some(Ok((ready, if ready == 0 { HANGUP } else { 0 })))
        }
        Object::File(_) | Object::Output(_) => Some(Ok((4096, 0))),
        Object::Directory(_) => Some(Err(Errno::Badf)),
    }
}
