package record

// AppendString is the encoder of JSON strings.
var AppendString = appendString
