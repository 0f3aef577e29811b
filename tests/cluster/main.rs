//! Do consensus, storage and the daemon around them keep their promises on real disks, sockets and processes?
//!
//! Every test runs real `tenured` binaries, waits for conditions only, and prints what it measured.

mod crash;
mod load;
mod nodes;
mod snapshot;
