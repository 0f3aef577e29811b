//! Schemas of tables: one declaration per key, used for reading, writing and documentation.

use crate::{
    fields::{Fields, Log},
    form::Form,
};
use toml::{Spanned, de::DeValue};

/// One key of a table that declares a `T`.
#[allow(missing_docs)] // what a name says is not said again
pub(crate) struct Field<T> {
    pub(crate) key: &'static str,
    /// Its meaning, for the documentation.
    pub(crate) says: &'static str,
    /// Its name in VCS; empty if VCS has no such attribute.
    pub(crate) vcs: &'static str,
    /// An example of its value.
    pub(crate) example: &'static str,
    /// Whether it is mandatory.
    pub(crate) required: bool,
    slot: Box<dyn Slot<T>>,
}

/// The place of the value in a `T`, and its form in the file.
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
    /// A key for the value at a place of `T`, in a form. Called by `field!`.
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
    /// Makes it mandatory; `example` is shown as advice.
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl<T> Field<T> {
    /// The word for its values in the documentation.
    pub(crate) fn kind(&self) -> String {
        self.slot.kind()
    }
    /// The value in a `T`, as written in the file.
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

/// Reads the fields of a table into a value; parts without a field stay as they are.
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

/// The lines to write for a value: mandatory fields, and those that differ from the default.
pub(crate) fn lines<T>(fields: &[Field<T>], value: &T, default: &T) -> Vec<(&'static str, String)> {
    let needed = fields.iter().filter(|field| field.required || !field.slot.same(value, default));
    needed.filter_map(|field| Some((field.key, field.slot.write(value)?))).collect()
}
