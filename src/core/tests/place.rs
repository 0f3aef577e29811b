//! Placement: tables of each policy and rule, and properties against brute force on small cases.

mod brute;
mod cases;
mod contradictions;
mod optimal;
mod preempt;
mod survive;
mod tables;
