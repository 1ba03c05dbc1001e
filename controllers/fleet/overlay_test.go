package fleet

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func wholePod(uid, version string) client.Object {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "pod-" + uid, UID: types.UID(uid), ResourceVersion: version, CreationTimestamp: metav1.NewTime(time.Unix(1, 0)),
	}}
}

func stubPod(uid, version string) client.Object {
	return &corev1.Pod{ObjectMeta: stub(wholePod(uid, version).(*corev1.Pod).ObjectMeta)}
}

// Each case is a sequence of reads; each read sees what the cache has then, and what the API server would answer.
func TestOverlayCompletesStubs(t *testing.T) {
	type read struct {
		cached, live []client.Object
		want         []string // uid@version
		wantList     bool
	}
	for name, tc := range map[string]struct {
		reads    []read
		wantHeld int
	}{
		"whole objects cost no list": {
			reads: []read{{cached: []client.Object{wholePod("a", "5")}, want: []string{"a@5"}}},
		},
		"a stub is completed by one list": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "5")}, live: []client.Object{wholePod("a", "7")}, want: []string{"a@7"}, wantList: true},
				{cached: []client.Object{stubPod("a", "5")}, want: []string{"a@7"}},
			},
			wantHeld: 1,
		},
		"a whole object older than the list does not turn time back": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "5")}, live: []client.Object{wholePod("a", "8")}, want: []string{"a@8"}, wantList: true},
				{cached: []client.Object{wholePod("a", "6")}, want: []string{"a@8"}},
			},
			wantHeld: 1,
		},
		"a whole object as new as the list wins and ends the overlay": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "5")}, live: []client.Object{wholePod("a", "8")}, want: []string{"a@8"}, wantList: true},
				{cached: []client.Object{wholePod("a", "8")}, want: []string{"a@8"}},
			},
		},
		"versions are compared as numbers": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "9")}, live: []client.Object{wholePod("a", "10")}, want: []string{"a@10"}, wantList: true},
				{cached: []client.Object{wholePod("a", "9")}, want: []string{"a@10"}},
			},
			wantHeld: 1,
		},
		"a stub that is not listed is gone, and is not asked for again": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "5")}, wantList: true},
				{cached: []client.Object{stubPod("a", "5")}},
			},
			wantHeld: 1,
		},
		"an object that the cache no longer has is gone": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "5")}, live: []client.Object{wholePod("a", "8")}, want: []string{"a@8"}, wantList: true},
				{cached: nil},
			},
		},
		"a stub that appears late causes another list": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "5")}, live: []client.Object{wholePod("a", "5")}, want: []string{"a@5"}, wantList: true},
				{
					cached: []client.Object{stubPod("a", "5"), stubPod("b", "6")}, live: []client.Object{wholePod("a", "5"), wholePod("b", "6")},
					want: []string{"a@5", "b@6"}, wantList: true,
				},
			},
			wantHeld: 2,
		},
		"a stub newer than its answer is asked for again": {
			reads: []read{
				{cached: []client.Object{stubPod("a", "5")}, live: []client.Object{wholePod("a", "5")}, want: []string{"a@5"}, wantList: true},
				{cached: []client.Object{stubPod("a", "9")}, live: []client.Object{wholePod("a", "9")}, want: []string{"a@9"}, wantList: true},
			},
			wantHeld: 1,
		},
		"an object that the list is ahead with is not given before the cache has it": {
			reads: []read{
				{
					cached: []client.Object{stubPod("a", "5")}, live: []client.Object{wholePod("a", "5"), wholePod("b", "9")},
					want: []string{"a@5"}, wantList: true,
				},
				{cached: []client.Object{stubPod("a", "5"), wholePod("b", "9")}, want: []string{"a@5", "b@9"}},
			},
			wantHeld: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOverlay()
			for i, r := range tc.reads {
				listed := false
				got, err := o.complete("ns", r.cached, func() ([]client.Object, error) { listed = true; return r.live, nil })
				if err != nil {
					t.Fatal(err)
				}
				var versions []string
				for _, object := range got {
					versions = append(versions, string(object.GetUID())+"@"+object.GetResourceVersion())
				}
				if diff := cmp.Diff(r.want, versions); diff != "" {
					t.Errorf("read %d (-want +got):\n%s", i, diff)
				}
				if listed != r.wantList {
					t.Errorf("read %d: listed = %v, want %v", i, listed, r.wantList)
				}
			}
			if got := o.size(); got != tc.wantHeld {
				t.Errorf("the overlay holds %d objects, want %d", got, tc.wantHeld)
			}
		})
	}
}

func TestOverlayGivesNothingWhenTheListFails(t *testing.T) {
	o, failure := newOverlay(), errors.New("the API server is away")
	got, err := o.complete("ns", []client.Object{stubPod("a", "5"), wholePod("b", "6")}, func() ([]client.Object, error) { return nil, failure })
	if !errors.Is(err, failure) || got != nil {
		t.Errorf("got %v, %v; want no pods and %v: a part would be read as the whole", got, err, failure)
	}
}
