package show_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/cli/show"
	"github.com/metapilot/metapilot/size"
)

func TestTableIsWrittenInEveryFormat(t *testing.T) {
	table := show.Table{
		Columns: []show.Column{{Name: "TENANT"}, {Name: "N", Right: true}, {Name: "LAST SEEN", Wide: true}, {Name: "MESSAGE"}},
		Rows: [][]show.Cell{
			{show.Text("tenant-0001"), show.Text("7"), {Text: "3m ago", Data: "2026-01-01T00:00:00Z"}, {Text: "a → b", Tone: show.Good}},
			{show.Text("t"), show.Text(""), show.Text(show.Unknown), show.Text("=1+1|<b>\x1b[31mred\nnext")},
		},
	}
	for format, want := range map[show.Format]string{
		show.FormatTable: "TENANT        N   MESSAGE\n" +
			"tenant-0001   7   a → b\n" +
			"t             -   =1+1|<b>[31mred; next\n",
		show.FormatWide: "TENANT        N   LAST SEEN   MESSAGE\n" +
			"tenant-0001   7   3m ago      a → b\n" +
			"t             -   -           =1+1|<b>[31mred; next\n",
		show.FormatCSV: "tenant,n,last_seen,message\n" +
			"tenant-0001,7,2026-01-01T00:00:00Z,a → b\n" +
			"t,,,'=1+1|<b>[31mred; next\n",
		show.FormatMarkdown: "| tenant | n | last seen | message |\n| --- | ---: | --- | --- |\n" +
			"| tenant-0001 | 7 | 3m ago | a → b |\n" +
			"| t | - | - | =1+1\\|&lt;b>[31mred; next |\n",
	} {
		t.Run(string(format), func(t *testing.T) {
			var out bytes.Buffer
			if err := table.Write(&out, format, false); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestColoursAreOnlyWrittenWhereAskedFor(t *testing.T) {
	if got := show.Paint("x", show.Bad, true); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("in colour: %q", got)
	}
	if got := show.Paint("x", show.Bad, false); got != "x" {
		t.Errorf("without colour: %q", got)
	}
}

func TestANegativeNumberIsNoFormula(t *testing.T) {
	var out bytes.Buffer
	table := show.Table{Columns: []show.Column{{Name: "A"}}, Rows: [][]show.Cell{{show.Text("-1.5")}, {show.Text("-x")}}}
	if err := table.Write(&out, show.FormatCSV, false); err != nil {
		t.Fatal(err)
	}
	if want := "a\n-1.5\n'-x\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	of := func(cpu size.MilliCPU, memory size.Bytes) size.Size {
		return size.Size{Replicas: size.Of(int32(2)), Limits: size.Amounts{CPU: size.Of(cpu), Memory: size.Of(memory)}}
	}
	for name, tc := range map[string]struct{ got, want string }{
		"exact memory":                  {show.Memory(size.Of(1536 * size.MiB)), "1536Mi"},
		"odd memory is rounded":         {show.Memory(size.Of(size.Bytes(1181116006))), "1.1Gi"},
		"bytes are rounded":             {show.Memory(size.Of(size.Bytes(5000))), "4.9Ki"},
		"unknown memory is not zero":    {show.Memory(size.Opt[size.Bytes]{}), "-"},
		"unknown amounts":               {show.Amounts(size.Amounts{}), "-"},
		"only what changes is said":     {show.Change(of(1000, size.GiB), of(1000, 2*size.GiB)), "memory 1Gi → 2Gi"},
		"both change":                   {show.Change(of(1000, size.GiB), of(500, 2*size.GiB)), "cpu 1 → 500m, memory 1Gi → 2Gi"},
		"nothing changes":               {show.Change(of(1000, size.GiB), of(1000, size.GiB)), "cpu 1, memory 1Gi"},
		"an unknown aim is no change":   {show.Change(of(1000, size.GiB), size.Size{}), "cpu 1, memory 1Gi"},
		"replicas":                      {show.Change(of(1, size.GiB), size.Size{Replicas: size.Of(int32(3)), Limits: of(1, size.GiB).Limits}), "replicas 2 → 3"},
		"a short time":                  {show.Took(409 * time.Millisecond), "0.41s"},
		"a longer time":                 {show.Took(185 * time.Second), "3m5s"},
		"a time that cannot be":         {show.Took(-time.Second), "-"},
		"age in two units":              {show.Age(50*time.Hour + 3*time.Minute), "2d2h"},
		"age beyond ten":                {show.Age(340 * time.Hour), "14d"},
		"ago":                           {show.Ago(now.Add(-90*time.Second), now), "1m30s ago"},
		"to come":                       {show.Ago(now.Add(2*time.Hour), now), "in 2h"},
		"a clock that is a second late": {show.Ago(now.Add(time.Second), now), "0s ago"},
		"no time":                       {show.Ago(time.Time{}, now), "-"},
		"one":                           {show.Count(1, "tenant", "tenants"), "1 tenant"},
		"many":                          {show.Count(0, "tenant", "tenants"), "0 tenants"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("%q, want %q", tc.got, tc.want)
			}
		})
	}
}

func TestAFormatThatIsNotKnownIsRefusedWithThoseThatAre(t *testing.T) {
	known := []show.Format{show.FormatTable, show.FormatJSON}
	if _, err := show.ParseFormat("xml", known); err == nil || err.Error() != "-o xml is not known here: write one of table, json" {
		t.Errorf("%v", err)
	}
	if f, err := show.ParseFormat("", known); err != nil || f != show.FormatTable {
		t.Errorf("%v, %v", f, err)
	}
}
