package main

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/test/observe"
)

func TestMomentsAreSpreadEvenlyAndMeetEveryPlaceOfABeat(t *testing.T) {
	const count, spread = 12, time.Minute
	got := moments(count, spread)
	tenths := map[time.Duration]bool{}
	for i, m := range got {
		if part := spread / count; m < time.Duration(i)*part || m >= time.Duration(i+1)*part {
			t.Errorf("moment %d is %s, outside its part of the spread", i, m)
		}
		tenths[m%time.Second/(100*time.Millisecond)] = true
	}
	if len(tenths) < 6 {
		t.Errorf("the moments meet only %d tenths of a second: %v", len(tenths), got)
	}
	if one := moments(1, 0); len(one) != 1 || one[0] != 0 {
		t.Errorf("one moment at once is %v", one)
	}
}

func pod(uid types.UID, sizes ...observe.Sized) observe.Pod {
	return observe.Pod{UID: uid, Sizes: map[string][]observe.Sized{component: sizes}}
}

func TestGrown(t *testing.T) {
	const was = 512 << 20
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	small, early, late := observe.Sized{Memory: was, At: at(0)}, observe.Sized{Memory: 2 * was, At: at(3)}, observe.Sized{Memory: 2 * was, At: at(7)}
	for name, tc := range map[string]struct {
		pods               []observe.Pod
		wantFirst, wantAll time.Time
	}{
		"none has grown":                      {pods: []observe.Pod{pod("a", small), pod("b", small)}},
		"no pods are no growth":               {},
		"one has grown":                       {pods: []observe.Pod{pod("a", small), pod("b", small, late)}, wantFirst: at(7)},
		"all have grown":                      {pods: []observe.Pod{pod("a", small, early), pod("b", small, late)}, wantFirst: at(3), wantAll: at(7)},
		"a shrunk pod has not grown":          {pods: []observe.Pod{pod("a", small, observe.Sized{Memory: was / 2, At: at(1)}), pod("b", small, late)}, wantFirst: at(7)},
		"one that grew while another is gone": {pods: []observe.Pod{pod("a", small, early)}, wantFirst: at(3)},
		"a pod that was born larger":          {pods: []observe.Pod{pod("a", late), pod("b", small)}, wantFirst: at(7)},
	} {
		t.Run(name, func(t *testing.T) {
			first, all := grown(tc.pods, was)
			if !first.Equal(tc.wantFirst) || !all.Equal(tc.wantAll) {
				t.Errorf("first at %v, all at %v; want %v and %v", first, all, tc.wantFirst, tc.wantAll)
			}
		})
	}
}
