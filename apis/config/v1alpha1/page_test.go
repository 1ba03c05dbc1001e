package v1alpha1

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// docs/configuration.md has a row for every field, with the field's default.
func TestThePageHasEveryFieldWithItsDefault(t *testing.T) {
	text, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if cells := strings.Split(line, "|"); len(cells) == 6 {
			rows[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
		}
	}
	for path, value := range leaves(reflect.ValueOf(Default()).Elem(), "") {
		cell, ok := rows[path]
		switch {
		case !ok:
			t.Errorf("the page has no row for `%s`", path)
		case path != "apiVersion" && path != "kind" && !strings.HasPrefix(cell, "`"+value+"`") && !strings.HasPrefix(cell, fmt.Sprintf("`%q`", value)):
			t.Errorf("the page gives the default of %s as %s; it is %q", path, cell, value)
		}
		delete(rows, path)
	}
	for path := range rows {
		if strings.ContainsAny(path, ".") {
			t.Errorf("the page has `%s`, which is no field", path)
		}
	}
}

// leaves gives the fields that hold a value, by path.
func leaves(v reflect.Value, path string) map[string]string {
	if v.Kind() != reflect.Struct {
		return map[string]string{path: fmt.Sprint(v.Interface())}
	}
	out := map[string]string{}
	fields, names := fieldsOf(v)
	for _, name := range names {
		for at, value := range leaves(fields[name], strings.TrimPrefix(path+"."+name, ".")) {
			out[at] = value
		}
	}
	return out
}
