//! Placement: tables that show what each policy and rule does, and properties held against brute force on small cases.

#[path = "place/brute.rs"]
mod brute;
#[path = "place/cases.rs"]
mod cases;
#[path = "place/contradictions.rs"]
mod contradictions;
#[path = "place/optimal.rs"]
mod optimal;
#[path = "place/preempt.rs"]
mod preempt;
#[path = "place/survive.rs"]
mod survive;
#[path = "place/tables.rs"]
mod tables;
