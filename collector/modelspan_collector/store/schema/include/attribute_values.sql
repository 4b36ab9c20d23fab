    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of
