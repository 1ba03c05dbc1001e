package oom

import (
	"math"
	"testing"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

func TestJudge(t *testing.T) {
	limit := 500 * size.MiB
	type setting func(*Kill, *Circumstances)
	usage := func(b size.Bytes, before time.Duration) setting {
		return func(k *Kill, c *Circumstances) { c.Usage = size.Of(Usage{b, k.FinishedAt.Add(-before)}) }
	}
	resized := func(before time.Duration) setting {
		return func(k *Kill, c *Circumstances) { c.ResizedAt = size.Of(k.FinishedAt.Add(-before)) }
	}
	all := func(list ...setting) setting {
		return func(k *Kill, c *Circumstances) {
			for _, s := range list {
				s(k, c)
			}
		}
	}
	const far = 199 * size.MiB // below 40 % of the limit
	for name, tc := range map[string]struct {
		setting setting
		want    decision.KillClass
	}{
		"without usage it is the container's own": {all(), decision.KillContainer},
		"at its limit":                                         {usage(499*size.MiB, 10*time.Second), decision.KillContainer},
		"far below its limit it is the node's":                 {usage(far, 10*time.Second), decision.KillNode},
		"exactly at the share it is its own":                   {usage(200*size.MiB, 10*time.Second), decision.KillContainer},
		"a repeat overrides the node":                          {all(usage(far, 10*time.Second), func(_ *Kill, c *Circumstances) { c.Repeats = true }), decision.KillContainer},
		"the judgement is off at 0 percent":                    {all(usage(1, 0), func(_ *Kill, c *Circumstances) { c.NodeKillBelowPercent = 0 }), decision.KillContainer},
		"a usage measured two minutes before counts":           {usage(far, UsageAge), decision.KillNode},
		"one measured longer before says nothing":              {usage(far, UsageAge+1), decision.KillContainer},
		"one within the second in which it ended counts":       {usage(far, -time.Second), decision.KillNode},
		"one measured after it says nothing":                   {usage(far, -time.Second-1), decision.KillContainer},
		"a usage of zero is no measurement":                    {usage(0, time.Second), decision.KillContainer},
		"a negative usage is none either":                      {usage(-1, time.Second), decision.KillContainer},
		"without a limit only the node could run out":          {func(k *Kill, _ *Circumstances) { k.Limit = size.Opt[size.Bytes]{} }, decision.KillNode},
		"another exit code than 137":                           {func(k *Kill, _ *Circumstances) { k.ExitCode = 143 }, decision.KillNotOOM},
		"exit code 0 is not 137 either":                        {func(k *Kill, _ *Circumstances) { k.ExitCode = 0 }, decision.KillNotOOM},
		"before the resize":                                    {resized(-time.Minute), decision.KillReplaced},
		"within the grace after it":                            {resized(ReplacedGrace - 1), decision.KillReplaced},
		"as soon as the grace is over":                         {resized(ReplacedGrace), decision.KillContainer},
		"at a limit below what is desired: an old replica set": {func(_ *Kill, c *Circumstances) { c.Desired = size.Of(limit + 1) }, decision.KillReplaced},
		"at the limit that is desired":                         {func(_ *Kill, c *Circumstances) { c.Desired = size.Of(limit) }, decision.KillContainer},
		"at a limit above what is desired":                     {func(_ *Kill, c *Circumstances) { c.Desired = size.Of(limit - 1) }, decision.KillContainer},
		"a day old is late, and counts":                        {func(k *Kill, c *Circumstances) { k.FinishedAt = c.Now.Add(-MaxAge) }, decision.KillContainer},
		"older than a day was outlived":                        {func(k *Kill, c *Circumstances) { k.FinishedAt = c.Now.Add(-MaxAge - 1) }, decision.KillOutlived},
		"by a node's clock that is ahead":                      {func(k *Kill, c *Circumstances) { k.FinishedAt = c.Now.Add(time.Hour) }, decision.KillContainer},
		"without a time it is not old":                         {func(k *Kill, _ *Circumstances) { k.FinishedAt = time.Time{} }, decision.KillContainer},
		"with the time of Unix it is not old either":           {all(func(k *Kill, _ *Circumstances) { k.FinishedAt = time.Unix(0, 0) }, func(_ *Kill, c *Circumstances) { c.ResizedAt = size.Of(noon) }), decision.KillContainer},
		"what is no kill is not called replaced":               {all(resized(-time.Minute), func(k *Kill, _ *Circumstances) { k.ExitCode = 1 }), decision.KillNotOOM},
		"what is replaced is not called the node's":            {all(resized(-time.Minute), usage(far, 0)), decision.KillReplaced},
		"huge amounts do not overflow":                         {all(usage(math.MaxInt64-1, 0), func(k *Kill, c *Circumstances) { k.Limit = size.Of(size.Bytes(math.MaxInt64)) }), decision.KillContainer},
	} {
		t.Run(name, func(t *testing.T) {
			k := Kill{ExitCode: 137, FinishedAt: noon, Limit: size.Of(limit)}
			c := Circumstances{Now: noon.Add(time.Minute), NodeKillBelowPercent: 40}
			tc.setting(&k, &c)
			if got := Judge(k, c); got != tc.want {
				t.Errorf("Judge() = %s, want %s", got, tc.want)
			}
		})
	}
}

// Whatever order kills come in, each is judged by when it happened, not by when it was seen.
func TestLateAndUnorderedKillsCount(t *testing.T) {
	c := Circumstances{Now: noon.Add(2 * time.Hour), ResizedAt: size.Of(noon), NodeKillBelowPercent: 40}
	for _, minutes := range []int{90, 10, 60} {
		k := Kill{ExitCode: 137, FinishedAt: noon.Add(time.Duration(minutes) * time.Minute), Limit: size.Of(size.GiB)}
		if got := Judge(k, c); got != decision.KillContainer {
			t.Errorf("a kill %d minutes after the resize is judged %s, want Container", minutes, got)
		}
	}
}
