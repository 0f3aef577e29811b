//! What may stand in a table: one declaration per key, from which it is read, written and documented.

use crate::{
    fields::{Fields, Log},
    form::Form,
};
use toml::{Spanned, de::DeValue};

/// One key of a table that declares a `T`.
#[allow(missing_docs)] // what a name says is not said again
pub(crate) struct Field<T> {
    pub(crate) key: &'static str,
    /// What it means, for the documentation.
    pub(crate) says: &'static str,
    /// What VCS calls it; empty if it has no such thing.
    pub(crate) vcs: &'static str,
    /// A value that can be written.
    pub(crate) example: &'static str,
    /// Whether it must be there.
    pub(crate) required: bool,
    slot: Box<dyn Slot<T>>,
}

/// Where the value lives in a `T`, and the form in which it stands in the file.
trait Slot<T> {
    fn kind(&self) -> String;
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>, into: &mut T);
    fn write(&self, from: &T) -> Option<String>;
    fn same(&self, one: &T, other: &T) -> bool;
}

struct Path<T, V, F> {
    form: F,
    get: fn(&T) -> &V,
    get_mut: fn(&mut T) -> &mut V,
}

impl<T, V: PartialEq, F: Form<V>> Slot<T> for Path<T, V, F> {
    fn kind(&self) -> String {
        self.form.kind()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>, into: &mut T) {
        if let Some(value) = self.form.read(log, place, value) {
            *(self.get_mut)(into) = value;
        }
    }
    fn write(&self, from: &T) -> Option<String> {
        self.form.write((self.get)(from))
    }
    fn same(&self, one: &T, other: &T) -> bool {
        (self.get)(one) == (self.get)(other)
    }
}

impl<T: 'static> Field<T> {
    /// A key for the value at a place of `T`, in a form. Made by `field!`.
    pub(crate) fn new<V: PartialEq + 'static>(
        key: &'static str,
        form: impl Form<V> + 'static,
        get: fn(&T) -> &V,
        get_mut: fn(&mut T) -> &mut V,
    ) -> Self {
        let slot = Box::new(Path { form, get, get_mut });
        Field { key, says: "", vcs: "", example: "", required: false, slot }
    }
    pub(crate) fn says(mut self, says: &'static str) -> Self {
        self.says = says;
        self
    }
    pub(crate) fn vcs(mut self, vcs: &'static str) -> Self {
        self.vcs = vcs;
        self
    }
    pub(crate) fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }
    /// It must be there; `example` is what to write.
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl<T> Field<T> {
    /// What the documentation calls its values.
    pub(crate) fn kind(&self) -> String {
        self.slot.kind()
    }
    /// The value of a `T` as it stands in the file.
    pub(crate) fn write(&self, from: &T) -> Option<String> {
        self.slot.write(from)
    }
}

/// Declares a key: `field!("restart_limit", Number, Resource, patience.restart_limit)`.
macro_rules! field {
    ($key:literal, $form:expr, $type:ty, $($path:ident).+) => {
        $crate::schema::Field::<$type>::new($key, $form, |it| &it.$($path).+, |it| &mut it.$($path).+)
    };
}
pub(crate) use field;

/// Reads what the fields say into a value; what they do not say stays as it is.
pub(crate) fn read<T>(log: &mut Log, table: &mut Fields<'_>, fields: &[Field<T>], into: &mut T) {
    for field in fields {
        let place = table.at(field.key);
        let help = || format!("write {} = {}", field.key, field.example);
        match table.get(field.key) {
            Some(value) => {
                field.slot.read(log, &place, value, into);
                if field.required && value.get_ref().as_str() == Some("") {
                    table.refuse(log, field.key, format!("{} is empty", field.key), help());
                }
            }
            None if field.required => table.missing(log, field.key, &help()),
            None => {}
        }
    }
}

/// What must be written for a value: what is required, and what differs from the default.
pub(crate) fn lines<T>(fields: &[Field<T>], value: &T, default: &T) -> Vec<(&'static str, String)> {
    let needed = fields.iter().filter(|field| field.required || !field.slot.same(value, default));
    needed.filter_map(|field| Some((field.key, field.slot.write(value)?))).collect()
}
