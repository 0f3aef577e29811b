//! Placement: tables that show what each policy and rule does, and properties held against brute force on small cases.

mod brute;
mod cases;
mod contradictions;
mod optimal;
mod preempt;
mod survive;
mod tables;
