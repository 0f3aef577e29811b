//! The emulated HMC: its command line, and that command line over real SSH.
