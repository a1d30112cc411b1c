//! The node of a key: rendezvous hashing over the names of the nodes. Addresses are not used. Pure, and stable across
//! processes, platforms and releases: if keys moved to other nodes on an upgrade, the cache would be cold.

use crate::mix::mix64;

/// FNV-1a with 64 bits. Its constants are published, whereas the standard library's hasher may change.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Selects the node with the highest score for a key. A node's score depends only on the key and its own name. So if a node
/// is removed, only its keys move.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    nodes: Vec<u64>,
}

impl Router {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { nodes: names.into_iter().map(|name| mix64(fnv1a(name.as_bytes()))).collect() }
    }

    /// The index of the key's node in the order of the names.
    pub(crate) fn route(&self, key: &[u8]) -> usize {
        // For equal scores, with a probability of 2^-64, it is always the later node.
        self.scores(key).max().map_or(0, |(_, index)| index)
    }

    /// The node that would own the key without `node` and without all nodes with a higher score.
    pub(crate) fn after(&self, key: &[u8], node: usize) -> Option<usize> {
        let reached = self.scores(key).find(|(_, index)| *index == node)?;
        self.scores(key).filter(|score| *score < reached).max().map(|(_, index)| index)
    }

    fn scores(&self, key: &[u8]) -> impl Iterator<Item = (u64, usize)> + use<'_> {
        // With FNV alone, similar keys have similar high bits, and the nodes would get different numbers of keys.
        let hash = fnv1a(key);
        self.nodes.iter().enumerate().map(move |(index, node)| (mix64(hash ^ node), index))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Router;

    const NAMES: [&str; 3] = ["memcached1", "memcached2", "memcached3"];

    proptest! {
        /// If one of three nodes is removed, only its keys move.
        #[test]
        fn removal_moves_only_the_nodes_own_keys(gone in 0..3usize, keys in proptest::collection::vec("[a-z:0-9]{1,20}", 1..200)) {
            let full = Router::new(NAMES);
            let kept: Vec<&str> = NAMES.into_iter().filter(|name| *name != NAMES[gone]).collect();
            let reduced = Router::new(kept.iter().copied());
            for key in keys {
                let before = full.route(key.as_bytes());
                let after = kept[reduced.route(key.as_bytes())];
                if before != gone {
                    prop_assert_eq!(NAMES[before], after);
                }
            }
        }

        /// The nodes come in the order in which they would get the key, each once.
        #[test]
        fn nodes_follow_in_the_order_of_inheritance(key in "[a-z:0-9]{1,40}") {
            let mut order = vec![Router::new(NAMES).route(key.as_bytes())];
            while let Some(next) = Router::new(NAMES).after(key.as_bytes(), order[order.len() - 1]) {
                let left: Vec<usize> = (0..NAMES.len()).filter(|index| !order.contains(index)).collect();
                let heir = Router::new(left.iter().map(|index| NAMES[*index])).route(key.as_bytes());
                prop_assert_eq!(next, left[heir]);
                order.push(next);
            }
            prop_assert_eq!(order.len(), NAMES.len());
        }

        /// The order of the names does not change the node of a key.
        #[test]
        fn order_does_not_matter(key in "[a-z:0-9]{1,40}") {
            let forward = NAMES[Router::new(NAMES).route(key.as_bytes())];
            let reversed: Vec<&str> = NAMES.into_iter().rev().collect();
            let backward = reversed[Router::new(reversed.iter().copied()).route(key.as_bytes())];
            prop_assert_eq!(forward, backward);
        }

        /// Sequential keys are spread over three nodes with any names, within 10% of an even share.
        #[test]
        fn sequential_keys_spread_evenly(names in proptest::collection::hash_set("[a-z0-9]{1,12}", 3)) {
            let router = Router::new(names.iter().map(String::as_str));
            let mut share = [0u32; 3];
            for index in 0..9_000 {
                share[router.route(format!("key:{index:08}").as_bytes())] += 1;
            }
            for count in share {
                prop_assert!((2_700..=3_300).contains(&count), "{:?}", share);
            }
        }
    }

    /// A cache that was filled by an earlier release must stay warm.
    #[test]
    fn placement_never_changes() {
        let router = Router::new(NAMES);
        let placed: Vec<usize> =
            (0..12).map(|index| router.route(format!("key:{index:08}").as_bytes())).collect();
        assert_eq!(placed, [0, 1, 2, 1, 1, 0, 2, 0, 1, 1, 0, 1]);
    }
}
