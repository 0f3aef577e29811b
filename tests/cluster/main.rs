//! Whether consensus, storage and the daemon around them keep their promises on real disks, sockets and processes.
//!
//! Every test runs real `tenured` binaries, waits for conditions only, and prints what it measured.

mod ahead;
mod alone;
mod anew;
mod asked;
mod certificates;
mod crash;
mod crooked;
mod forgotten;
mod hmcs;
mod inside;
mod load;
mod logins;
mod logs;
mod members;
mod mixed;
mod nodes;
mod quick;
mod recover;
mod restart;
mod sharing;
mod snapshot;
mod stop;
mod strangers;
mod trouble;
mod twice;
mod voters;
mod words;
mod zombie;
