package v1alpha1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads and validates a configuration file.
func Load(file string) (*Configuration, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Decode(file, content)
}

// Decode reads a configuration over the defaults and validates it. name is the file's name, for errors.
func Decode(name string, content []byte) (*Configuration, error) {
	root, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	config := Default()
	config.APIVersion, config.Kind = "", "" // these must be written
	var problems problems
	problems.decode(root, reflect.ValueOf(config).Elem(), "")
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", name, errors.Join(problems...))
	}
	if err := Validate(config).ToAggregate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return config, nil
}

// parse gives the mapping at the root of the only document.
func parse(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the file is empty: write at least apiVersion: %s and kind: %s", APIVersion, Kind)
	case err != nil:
		return nil, fmt.Errorf("not YAML: %w", err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: more than one document: keep one", max(second.Line, 1))
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line 1: not a mapping: write fields, beginning with apiVersion: %s and kind: %s", APIVersion, Kind)
	}
	return document.Content[0], nil
}

// problems are everything that is wrong with a file, in its order.
type problems []error

func (p *problems) add(n *yaml.Node, path, format string, args ...any) {
	*p = append(*p, fmt.Errorf("line %d: %s: %s", n.Line, path, fmt.Sprintf(format, args...)))
}

// decode writes the node into the value: a struct, a list of structs, a string or an int32.
func (p *problems) decode(n *yaml.Node, into reflect.Value, path string) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		p.add(n, path, "anchors and aliases are not read: write the value out")
	case into.Kind() == reflect.Struct:
		p.decodeStruct(n, into, path)
	case into.Kind() == reflect.Slice:
		p.decodeList(n, into, path)
	case n.Kind != yaml.ScalarNode:
		p.add(n, path, "a single value is expected: write %s", example(into))
	case into.Kind() == reflect.String:
		if n.Tag != "!!str" {
			p.add(n, path, "%q is not a text: write it in quotes", n.Value)
			return
		}
		into.SetString(n.Value)
	case into.Kind() == reflect.Int32:
		number, err := strconv.ParseInt(n.Value, 10, 32)
		// "015" is octal to one reader of YAML and decimal to another.
		if n.Tag != "!!int" || err != nil || strconv.FormatInt(number, 10) != n.Value {
			p.add(n, path, "%q is not a whole number: write %s", n.Value, example(into))
			return
		}
		into.SetInt(number)
	default:
		panic("config: a field is of kind " + into.Kind().String() + ", which the decoder does not know")
	}
}

func (p *problems) decodeList(n *yaml.Node, into reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		p.add(n, path, "a list is expected: write each item on a line below it, after a dash, or []")
		return
	}
	for i, item := range n.Content {
		value := reflect.New(into.Type().Elem()).Elem()
		p.decode(item, value, fmt.Sprintf("%s[%d]", path, i))
		into.Set(reflect.Append(into, value))
	}
}

func (p *problems) decodeStruct(n *yaml.Node, into reflect.Value, path string) {
	fields, names := fieldsOf(into)
	if n.Kind != yaml.MappingNode {
		p.add(n, orRoot(path), "fields are expected, one a line below it: %s", strings.Join(names, ", "))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		field, known := fields[key.Value]
		switch first, twice := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			p.add(key, orRoot(path), "a field's name is expected: one of %s", strings.Join(names, ", "))
		case twice:
			p.add(key, at, "written twice, first in line %d: keep one", first)
		case !known:
			p.add(key, at, "no such field: write one of %s", strings.Join(names, ", "))
		default:
			p.decode(value, field, at)
		}
		seen[key.Value] = key.Line
	}
}

// fieldsOf gives the fields of a struct by their JSON names, and these names in the order of the type.
func fieldsOf(v reflect.Value) (map[string]reflect.Value, []string) {
	fields, names := map[string]reflect.Value{}, []string(nil)
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if options == "inline" {
			inner, innerNames := fieldsOf(v.Field(i))
			for _, name := range innerNames {
				fields[name] = inner[name]
			}
			names = append(names, innerNames...)
			continue
		}
		fields[name] = v.Field(i)
		names = append(names, name)
	}
	return fields, names
}

// example gives something that could be written: the value that is there already is the default.
func example(v reflect.Value) string {
	if v.Kind() == reflect.Int32 {
		return fmt.Sprintf("a number such as %d", v.Int())
	}
	return fmt.Sprintf("a text such as %q", v.String())
}

func orRoot(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}
