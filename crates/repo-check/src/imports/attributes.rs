//! What the attributes of an item say: whether it is test code. Pure.

use syn::{Attribute, Ident, Item, ItemMod, Meta, Token};

/// The attributes of an item, and its name where it defines one.
pub(super) fn head(item: &Item) -> (&[Attribute], Option<&Ident>) {
    use syn::{ItemConst, ItemEnum, ItemStatic, ItemStruct, ItemTrait, ItemTraitAlias, ItemType, ItemUnion};
    match item {
        Item::Const(ItemConst { attrs, ident, .. })
        | Item::Enum(ItemEnum { attrs, ident, .. })
        | Item::Mod(ItemMod { attrs, ident, .. })
        | Item::Static(ItemStatic { attrs, ident, .. })
        | Item::Struct(ItemStruct { attrs, ident, .. })
        | Item::Trait(ItemTrait { attrs, ident, .. })
        | Item::TraitAlias(ItemTraitAlias { attrs, ident, .. })
        | Item::Type(ItemType { attrs, ident, .. })
        | Item::Union(ItemUnion { attrs, ident, .. }) => (attrs, Some(ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Impl(item) => (&item.attrs, None),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

/// Is an item with these attributes compiled for tests only?
pub(super) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|last| last.ident == "test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args().is_ok_and(|meta| implies_test(&meta))
    })
}

fn implies_test(condition: &Meta) -> bool {
    let parts = |list: &syn::MetaList| {
        let parts = list.parse_args_with(syn::punctuated::Punctuated::<Meta, Token![,]>::parse_terminated);
        parts.into_iter().flatten().collect::<Vec<_>>()
    };
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().any(implies_test),
        Meta::List(list) if list.path.is_ident("any") => parts(list).iter().all(implies_test),
        _ => false,
    }
}
