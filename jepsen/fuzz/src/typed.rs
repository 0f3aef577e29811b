//! Makes a value of any core type from bytes, through its `Deserialize`: a new command or field is generated without
//! a line here. Names, epochs, orders, indexes and times are mostly taken from the current ledger, chosen by the name
//! of the field, so that most values are nearly acceptable.

use crate::bytes::Bytes;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor, value};
use tenure_core::{Ledger, OrderId};

type Error = value::Error;

/// Names and numbers of the current ledger.
pub struct Known {
    servers: Vec<String>,
    nodes: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    orders: Vec<OrderId>,
    epochs: Vec<u64>,
    index: u64,
    now: u64,
}

impl Known {
    pub fn new(ledger: &Ledger) -> Self {
        let config = &ledger.config;
        Known {
            servers: config.servers.keys().map(ToString::to_string).collect(),
            nodes: config.nodes.keys().map(ToString::to_string).collect(),
            groups: ledger.groups.keys().chain(ledger.declared().groups.keys()).map(ToString::to_string).collect(),
            resources: config.resources.keys().map(ToString::to_string).collect(),
            orders: ledger.orders.keys().copied().collect(),
            epochs: ledger.groups.values().filter_map(|group| Some(group.tenure.as_ref()?.epoch.0)).collect(),
            index: ledger.index,
            now: ledger.now.0,
        }
    }

    /// The names that fit a field or variant of this name.
    fn names(&self, place: &str) -> Option<&[String]> {
        Some(match place {
            "server" | "to" | "from" | "home" | "vouched" | "Fence" | "ReappearServer" | "CleanServer"
            | "EndQuarantine" | "Storm" | "active" => &self.servers,
            "node" | "by" | "Planner" | "Agent" | "SuspendLeases" | "NodeOff" | "FenceNode" | "LapseNode"
            | "TakeBackNode" => &self.nodes,
            "group" | "ReleaseGroup" | "child" => &self.groups,
            "resource" | "copies" | "seen" => &self.resources,
            _ => return None,
        })
    }
}

/// A value of type `T`.
pub fn typed<T: de::DeserializeOwned>(bytes: &mut Bytes<'_>, known: &Known) -> Option<T> {
    T::deserialize(&mut Typed { bytes, known, place: "", order: None, depth: 0 }).ok()
}

struct Typed<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    known: &'a Known,
    /// Name of the field or variant being filled.
    place: &'static str,
    /// The order whose identity is being filled.
    order: Option<OrderId>,
    depth: u32,
}

impl Typed<'_, '_> {
    fn number(&mut self) -> u64 {
        if self.bytes.once_in(16) {
            return [u64::MAX, 0, 1, self.known.index, self.known.now][self.bytes.below(5)];
        }
        let near = u64::from(self.bytes.byte());
        match (self.place, self.order) {
            ("index", Some(order)) => order.index,
            ("ordinal", Some(order)) => u64::from(order.ordinal),
            ("epoch" | "Epoch", _) => self.bytes.pick(&self.known.epochs).copied().unwrap_or(near),
            ("index" | "since" | "quiet_from", _) => (self.known.index + 1).saturating_sub(near % 8),
            ("at" | "until" | "issued" | "now", _) => (self.known.now + 1000).saturating_sub(near * 100),
            _ => near,
        }
    }

    fn name(&mut self) -> String {
        let known = self.known;
        let strange = self.bytes.once_in(10);
        let names = known.names(self.place).filter(|names| !strange && !names.is_empty());
        let any = [&known.servers, &known.nodes, &known.groups, &known.resources];
        let names = names.unwrap_or_else(|| any[self.bytes.below(4)].as_slice());
        self.bytes.pick(names).cloned().unwrap_or_default()
    }

    fn fields<'de, V: Visitor<'de>>(&mut self, places: Places, visitor: V) -> Result<V::Value, Error> {
        let (place, order) = (self.place, self.order);
        self.depth += 1;
        let value = visitor.visit_seq(Fields { typed: self, places });
        self.depth -= 1;
        (self.place, self.order) = (place, order);
        value
    }

    /// Number of elements: none where the nesting is too deep.
    fn length(&mut self) -> usize {
        if self.depth > 8 { 0 } else { self.bytes.below(3) }
    }
}

#[derive(Clone, Copy)]
enum Places {
    Named(&'static [&'static str], usize),
    Same(usize),
}

struct Fields<'t, 'a, 'b> {
    typed: &'t mut Typed<'a, 'b>,
    places: Places,
}

impl<'de> de::SeqAccess<'de> for Fields<'_, '_, '_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match &mut self.places {
            Places::Named(names, at) => {
                let Some(name) = names.get(*at) else { return Ok(None) };
                *at += 1;
                self.typed.place = name;
            }
            Places::Same(0) => return Ok(None),
            Places::Same(left) => *left -= 1,
        }
        seed.deserialize(&mut *self.typed).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for Fields<'_, '_, '_> {
    type Error = Error;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        de::SeqAccess::next_element_seed(self, seed)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.typed)
    }
}

struct Variant<'t, 'a, 'b> {
    typed: &'t mut Typed<'a, 'b>,
    index: u32,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, '_, '_> {
    type Error = Error;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let index: value::U32Deserializer<Error> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, '_, '_> {
    type Error = Error;
    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.typed)
    }
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.typed.fields(Places::Same(length), visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.typed.fields(Places::Named(fields, 0), visitor)
    }
}

macro_rules! numbers {
    ($($name:ident $visit:ident $type:ty),* $(,)?) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number() as $type)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for &mut Typed<'_, '_> {
    type Error = Error;

    numbers!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
    );

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom("the type does not say what it is"))
    }
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.bytes.below(2) == 1)
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.name())
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.name())
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.depth > 8 || self.bytes.below(2) == 0 { visitor.visit_none() } else { visitor.visit_some(self) }
    }
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length();
        self.fields(Places::Same(length), visitor)
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.fields(Places::Same(length), visitor)
    }
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length();
        self.depth += 1;
        let value = visitor.visit_map(Fields { typed: self, places: Places::Same(length) });
        self.depth -= 1;
        value
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == "OrderId" {
            self.order = self.bytes.pick(&self.known.orders).copied();
        }
        self.fields(Places::Named(fields, 0), visitor)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let index = if self.depth > 8 { 0 } else { self.bytes.below(variants.len()) };
        let place = std::mem::replace(&mut self.place, variants.get(index).copied().unwrap_or_default());
        let index = u32::try_from(index).unwrap_or_default();
        let value = visitor.visit_enum(Variant { typed: self, index });
        self.place = place;
        value
    }
    serde::forward_to_deserialize_any! {
        i128 f32 f64 char bytes byte_buf unit_struct tuple_struct identifier ignored_any
    }
}
