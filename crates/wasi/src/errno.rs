//! [`Errno`]: what a guest is told when a call fails, and [`Fault`]: how a call can fail.

use std::io;

use lineal::Error;

/// How a call fails: with a number for the guest, or by ending it.
pub(crate) enum Fault {
    /// The guest gets this number, and continues.
    Errno(Errno),
    /// The guest is stopped: its pointer is invalid, its time is up, or it asked for its end.
    Stop(Error),
}

/// What a call of the host's comes to.
pub(crate) type Outcome<T = ()> = Result<T, Fault>;

impl<E: Into<Errno>> From<E> for Fault {
    fn from(error: E) -> Fault {
        Fault::Errno(error.into())
    }
}

macro_rules! errnos {
    ($($name:ident = $number:literal $($os:ident)*;)*) => {
        /// The error numbers of preview 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(dead_code, reason = "the whole list, as the specification has it")]
        #[repr(u16)]
        pub(crate) enum Errno {
            $($name = $number,)*
        }

        impl From<rustix::io::Errno> for Errno {
            /// What the host does not tell apart, or what WASI does not know, is `Io`.
            fn from(error: rustix::io::Errno) -> Errno {
                use rustix::io::Errno as Os;
                match error {
                    $($(Os::$os => Errno::$name,)*)*
                    // The same number as `NOTSUP` on Linux, another elsewhere.
                    error if error == Os::OPNOTSUPP => Errno::Notsup,
                    error if error == Os::WOULDBLOCK => Errno::Again,
                    _ => Errno::Io,
                }
            }
        }
    };
}

// The names of WASI, their numbers, and the names that Unix has for them.
errnos! {
    TooBig = 1 TOOBIG;
    Acces = 2 ACCESS;
    Addrinuse = 3 ADDRINUSE;
    Addrnotavail = 4 ADDRNOTAVAIL;
    Afnosupport = 5 AFNOSUPPORT;
    Again = 6 AGAIN;
    Already = 7 ALREADY;
    Badf = 8 BADF;
    Badmsg = 9 BADMSG;
    Busy = 10 BUSY;
    Canceled = 11 CANCELED;
    Child = 12 CHILD;
    Connaborted = 13 CONNABORTED;
    Connrefused = 14 CONNREFUSED;
    Connreset = 15 CONNRESET;
    Deadlk = 16 DEADLK;
    Destaddrreq = 17 DESTADDRREQ;
    Dom = 18 DOM;
    Dquot = 19 DQUOT;
    Exist = 20 EXIST;
    Fault = 21 FAULT;
    Fbig = 22 FBIG;
    Hostunreach = 23 HOSTUNREACH;
    Idrm = 24 IDRM;
    Ilseq = 25 ILSEQ;
    Inprogress = 26 INPROGRESS;
    Intr = 27 INTR;
    Inval = 28 INVAL;
    Io = 29 IO;
    Isconn = 30 ISCONN;
    Isdir = 31 ISDIR;
    Loop = 32 LOOP;
    Mfile = 33 MFILE;
    Mlink = 34 MLINK;
    Msgsize = 35 MSGSIZE;
    Multihop = 36 MULTIHOP;
    Nametoolong = 37 NAMETOOLONG;
    Netdown = 38 NETDOWN;
    Netreset = 39 NETRESET;
    Netunreach = 40 NETUNREACH;
    Nfile = 41 NFILE;
    Nobufs = 42 NOBUFS;
    Nodev = 43 NODEV;
    Noent = 44 NOENT;
    Noexec = 45 NOEXEC;
    Nolck = 46 NOLCK;
    Nolink = 47 NOLINK;
    Nomem = 48 NOMEM;
    Nomsg = 49 NOMSG;
    Noprotoopt = 50 NOPROTOOPT;
    Nospc = 51 NOSPC;
    Nosys = 52 NOSYS;
    Notconn = 53 NOTCONN;
    Notdir = 54 NOTDIR;
    Notempty = 55 NOTEMPTY;
    Notrecoverable = 56 NOTRECOVERABLE;
    Notsock = 57 NOTSOCK;
    Notsup = 58 NOTSUP;
    Notty = 59 NOTTY;
    Nxio = 60 NXIO;
    Overflow = 61 OVERFLOW;
    Ownerdead = 62 OWNERDEAD;
    Perm = 63 PERM;
    Pipe = 64 PIPE;
    Proto = 65 PROTO;
    Protonosupport = 66 PROTONOSUPPORT;
    Prototype = 67 PROTOTYPE;
    Range = 68 RANGE;
    Rofs = 69 ROFS;
    Spipe = 70 SPIPE;
    Srch = 71 SRCH;
    Stale = 72 STALE;
    Timedout = 73 TIMEDOUT;
    Txtbsy = 74 TXTBSY;
    Xdev = 75 XDEV;
    Notcapable = 76;
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        if let Some(errno) = rustix::io::Errno::from_io_error(&error) {
            return errno.into();
        }
        // Errors that were made by a library.
        match error.kind() {
            // The sandbox says so of a path that leads out of it.
            io::ErrorKind::PermissionDenied => Errno::Perm,
            io::ErrorKind::NotFound => Errno::Noent,
            io::ErrorKind::AlreadyExists => Errno::Exist,
            io::ErrorKind::InvalidInput => Errno::Inval,
            io::ErrorKind::NotADirectory => Errno::Notdir,
            io::ErrorKind::IsADirectory => Errno::Isdir,
            io::ErrorKind::WouldBlock => Errno::Again,
            io::ErrorKind::BrokenPipe => Errno::Pipe,
            io::ErrorKind::StorageFull => Errno::Nospc,
            io::ErrorKind::Unsupported => Errno::Notsup,
            io::ErrorKind::OutOfMemory => Errno::Nomem,
            io::ErrorKind::Interrupted => Errno::Intr,
            io::ErrorKind::TimedOut => Errno::Timedout,
            _ => Errno::Io,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno as Os;

    /// The numbers of the specification, with the names that the host has for them.
    const NUMBERS: [(u16, Os); 75] = [
        (1, Os::TOOBIG),
        (2, Os::ACCESS),
        (3, Os::ADDRINUSE),
        (4, Os::ADDRNOTAVAIL),
        (5, Os::AFNOSUPPORT),
        (6, Os::AGAIN),
        (7, Os::ALREADY),
        (8, Os::BADF),
        (9, Os::BADMSG),
        (10, Os::BUSY),
        (11, Os::CANCELED),
        (12, Os::CHILD),
        (13, Os::CONNABORTED),
        (14, Os::CONNREFUSED),
        (15, Os::CONNRESET),
        (16, Os::DEADLK),
        (17, Os::DESTADDRREQ),
        (18, Os::DOM),
        (19, Os::DQUOT),
        (20, Os::EXIST),
        (21, Os::FAULT),
        (22, Os::FBIG),
        (23, Os::HOSTUNREACH),
        (24, Os::IDRM),
        (25, Os::ILSEQ),
        (26, Os::INPROGRESS),
        (27, Os::INTR),
        (28, Os::INVAL),
        (29, Os::IO),
        (30, Os::ISCONN),
        (31, Os::ISDIR),
        (32, Os::LOOP),
        (33, Os::MFILE),
        (34, Os::MLINK),
        (35, Os::MSGSIZE),
        (36, Os::MULTIHOP),
        (37, Os::NAMETOOLONG),
        (38, Os::NETDOWN),
        (39, Os::NETRESET),
        (40, Os::NETUNREACH),
        (41, Os::NFILE),
        (42, Os::NOBUFS),
        (43, Os::NODEV),
        (44, Os::NOENT),
        (45, Os::NOEXEC),
        (46, Os::NOLCK),
        (47, Os::NOLINK),
        (48, Os::NOMEM),
        (49, Os::NOMSG),
        (50, Os::NOPROTOOPT),
        (51, Os::NOSPC),
        (52, Os::NOSYS),
        (53, Os::NOTCONN),
        (54, Os::NOTDIR),
        (55, Os::NOTEMPTY),
        (56, Os::NOTRECOVERABLE),
        (57, Os::NOTSOCK),
        (58, Os::NOTSUP),
        (59, Os::NOTTY),
        (60, Os::NXIO),
        (61, Os::OVERFLOW),
        (62, Os::OWNERDEAD),
        (63, Os::PERM),
        (64, Os::PIPE),
        (65, Os::PROTO),
        (66, Os::PROTONOSUPPORT),
        (67, Os::PROTOTYPE),
        (68, Os::RANGE),
        (69, Os::ROFS),
        (70, Os::SPIPE),
        (71, Os::SRCH),
        (72, Os::STALE),
        (73, Os::TIMEDOUT),
        (74, Os::TXTBSY),
        (75, Os::XDEV),
    ];

    #[test]
    fn every_error_of_the_host_has_its_number() {
        let aliases = [(58, Os::OPNOTSUPP), (6, Os::WOULDBLOCK)];
        let known: Vec<(u16, Os)> = NUMBERS.into_iter().chain(aliases).collect();
        for &(number, os) in &known {
            assert_eq!(Errno::from(os) as u16, number, "{os}");
            // And by way of an error of the standard library.
            assert_eq!(Errno::from(io::Error::from(os)) as u16, number, "{os}");
        }
        // All others are errors of input and output, whatever the host makes of them.
        for raw in 1..4096 {
            let os = Os::from_raw_os_error(raw);
            if known.iter().all(|&(_, known)| known != os) {
                assert_eq!(Errno::from(os), Errno::Io, "{os}");
                assert_eq!(Errno::from(io::Error::from_raw_os_error(raw)), Errno::Io, "{os}");
            }
        }
    }

    #[test]
    fn errors_of_libraries_are_told_by_their_kind() {
        let outside = io::Error::new(io::ErrorKind::PermissionDenied, "outside");
        assert_eq!(Errno::from(outside), Errno::Perm);
        assert_eq!(Errno::from(io::Error::other("something")), Errno::Io);
    }
}
