package kubelet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	testStart    = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	testSettings = settings{restartDelay: 300 * time.Millisecond, firstBackOff: 10 * time.Second, resizeDelay: 300 * time.Millisecond}
)

// stage is a pod, its kubelet's memory and a clock: what step is played on.
type stage struct {
	t     *testing.T
	pod   *corev1.Pod
	m     memory
	now   time.Time
	usage map[string]int64
	log   []string
}

func newStage(t *testing.T) *stage {
	size := memoryOf("64Mi")
	return &stage{t: t, now: testStart, pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-0001", Name: "etcd-0", UID: "uid", Generation: 1, Annotations: map[string]string{}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyAlways,
			Containers:    []corev1.Container{{Name: "etcd", Resources: size}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "etcd", ContainerID: "containerd://first", Ready: true, Resources: &size, AllocatedResources: size.Requests,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(testStart.Add(-time.Hour))}},
		}}},
	}}
}

func memoryOf(text string) corev1.ResourceRequirements {
	list := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(text)}
	return corev1.ResourceRequirements{Requests: list, Limits: list.DeepCopy()}
}

// ask resizes the pod's container, as the API server does.
func (s *stage) ask(memory string) {
	s.pod.Spec.Containers[0].Resources = memoryOf(memory)
	s.pod.Generation++
}

func (s *stage) kill() {
	s.t.Helper()
	status, _, err := Kill(s.pod, "", Death{}, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	s.pod.Status = status
	s.tell()
}

// play runs the kubelet for that long, waking it exactly when it asks.
func (s *stage) play(d time.Duration) {
	s.t.Helper()
	for end, rounds := s.now.Add(d), 0; ; rounds++ {
		if rounds > 1000 {
			s.t.Fatal("the kubelet does not come to rest")
		}
		r := step(s.pod, s.usage, s.m, s.now, testSettings)
		s.pod.Status, s.m = r.status, r.memory
		s.tell()
		again := step(s.pod, s.usage, s.m, s.now, testSettings)
		if diff := cmp.Diff(r.status, again.status); diff != "" {
			s.t.Fatalf("a second look at the same time changes the status:\n%s", diff)
		}
		if r.wake.IsZero() || r.wake.After(end) {
			s.now = end
			return
		}
		s.now = r.wake
	}
}

// tell notes the container's state, with the seconds since the start, if it is another one.
func (s *stage) tell() {
	st := s.pod.Status.ContainerStatuses[0]
	var words []string
	switch {
	case st.State.Running != nil:
		words = append(words, "running")
	case st.State.Waiting != nil:
		words = append(words, strings.Fields(st.State.Waiting.Message)[0], strings.Fields(st.State.Waiting.Message)[1])
	default:
		words = append(words, st.State.Terminated.Reason)
	}
	words = append(words, fmt.Sprintf("restarts=%d limit=%s", st.RestartCount, st.Resources.Limits.Memory()))
	for _, c := range s.pod.Status.Conditions {
		if c.Type == corev1.PodResizePending || c.Type == corev1.PodResizeInProgress {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%s@%d %s", c.Type, c.ObservedGeneration, c.Reason)))
		}
	}
	line := strings.Join(words, " ")
	if len(s.log) > 0 && strings.HasSuffix(s.log[len(s.log)-1], ": "+line) {
		return
	}
	s.log = append(s.log, fmt.Sprintf("%.1f: %s", s.now.Sub(testStart).Seconds(), line))
}

func (s *stage) want(lines ...string) {
	s.t.Helper()
	if diff := cmp.Diff(lines, s.log); diff != "" {
		s.t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheFirstDeathRestartsAtOnceAndLaterOnesBackOffTwiceAsLongEachTime(t *testing.T) {
	s := newStage(t)
	for range 4 {
		s.kill()
		s.play(50 * time.Second)
	}
	s.want(
		"0.0: OOMKilled restarts=0 limit=64Mi",
		"0.3: running restarts=1 limit=64Mi",
		"50.0: OOMKilled restarts=1 limit=64Mi",
		"50.3: back-off 10s restarts=1 limit=64Mi",
		"60.0: running restarts=2 limit=64Mi",
		"100.0: OOMKilled restarts=2 limit=64Mi",
		"100.3: back-off 20s restarts=2 limit=64Mi",
		"120.0: running restarts=3 limit=64Mi",
		"150.0: OOMKilled restarts=3 limit=64Mi",
		"150.3: back-off 40s restarts=3 limit=64Mi",
		"190.0: running restarts=4 limit=64Mi",
	)
}

func TestTheBackOffEndsAtFiveMinutes(t *testing.T) {
	b := backOff{}
	died := testStart
	for range 10 {
		b = b.started(died, died, "same", 10*time.Second)
	}
	if b.wait != 300*time.Second {
		t.Errorf("the longest back-off is %s", b.wait)
	}
}

func TestTheBackOffIsForgottenAfterTenQuietMinutes(t *testing.T) {
	s := newStage(t)
	s.kill()
	s.play(11 * time.Minute)
	s.kill()
	s.play(time.Minute)
	s.want(
		"0.0: OOMKilled restarts=0 limit=64Mi",
		"0.3: running restarts=1 limit=64Mi",
		"660.0: OOMKilled restarts=1 limit=64Mi",
		"660.3: running restarts=2 limit=64Mi",
	)
}

func TestAResizeEndsTheBackOffAndTheContainerStartsWithTheNewSize(t *testing.T) {
	s := newStage(t)
	s.kill()
	s.play(time.Second)
	s.kill()
	s.play(2 * time.Second)
	s.ask("128Mi")
	s.play(time.Second)
	s.want(
		"0.0: OOMKilled restarts=0 limit=64Mi",
		"0.3: running restarts=1 limit=64Mi",
		"1.0: OOMKilled restarts=1 limit=64Mi",
		"1.3: back-off 10s restarts=1 limit=64Mi",
		"3.0: running restarts=2 limit=128Mi",
	)
}

func TestADeferredResizeDoesNotEndTheBackOff(t *testing.T) {
	s := newStage(t)
	s.pod.Annotations[ResizeAnnotation] = corev1.PodReasonDeferred
	s.kill()
	s.play(time.Second)
	s.kill()
	s.play(2 * time.Second)
	s.ask("128Mi")
	s.play(20 * time.Second)
	s.want(
		"0.0: OOMKilled restarts=0 limit=64Mi",
		"0.3: running restarts=1 limit=64Mi",
		"1.0: OOMKilled restarts=1 limit=64Mi",
		"1.3: back-off 10s restarts=1 limit=64Mi",
		"3.0: back-off 10s restarts=1 limit=64Mi PodResizePending@2 Deferred",
		"11.0: running restarts=2 limit=64Mi PodResizePending@2 Deferred",
	)
}

func TestAResizeIsAdmittedAndThenActuated(t *testing.T) {
	s := newStage(t)
	s.play(time.Second)
	s.ask("128Mi")
	s.play(100 * time.Millisecond)
	if got := s.pod.Status.ContainerStatuses[0].AllocatedResources.Memory().String(); got != "128Mi" {
		t.Errorf("allocated is %s before it is actuated", got)
	}
	s.play(time.Second)
	s.want(
		"0.0: running restarts=0 limit=64Mi",
		"1.0: running restarts=0 limit=64Mi PodResizeInProgress@2",
		"1.3: running restarts=0 limit=128Mi",
	)
}

func TestAResizeDuringAResizeIsAdmittedAnew(t *testing.T) {
	s := newStage(t)
	s.ask("128Mi")
	s.play(200 * time.Millisecond)
	s.ask("256Mi")
	s.play(time.Second)
	s.want(
		"0.0: running restarts=0 limit=64Mi PodResizeInProgress@2",
		"0.2: running restarts=0 limit=64Mi PodResizeInProgress@3",
		"0.5: running restarts=0 limit=256Mi",
	)
}

func TestADeferredResizeGoesOnWhenTheNodeHasRoomAndAnInfeasibleOneDoesNot(t *testing.T) {
	for reason, want := range map[string][]string{
		corev1.PodReasonDeferred: {
			"0.0: running restarts=0 limit=64Mi PodResizePending@2 Deferred",
			"1.0: running restarts=0 limit=64Mi PodResizeInProgress@2",
			"1.3: running restarts=0 limit=128Mi",
			"11.0: running restarts=0 limit=128Mi PodResizeInProgress@3",
			"11.3: running restarts=0 limit=96Mi",
		},
		corev1.PodReasonInfeasible: {
			"0.0: running restarts=0 limit=64Mi PodResizePending@2 Infeasible",
			"11.0: running restarts=0 limit=64Mi PodResizeInProgress@3",
			"11.3: running restarts=0 limit=96Mi",
		},
	} {
		t.Run(reason, func(t *testing.T) {
			s := newStage(t)
			s.pod.Annotations[ResizeAnnotation] = reason
			s.ask("128Mi")
			s.play(time.Second)
			delete(s.pod.Annotations, ResizeAnnotation)
			s.play(10 * time.Second)
			s.ask("96Mi")
			s.play(time.Second)
			s.want(want...)
		})
	}
}

func TestAPendingResizeThatIsTakenBackLeavesNothing(t *testing.T) {
	s := newStage(t)
	s.pod.Annotations[ResizeAnnotation] = corev1.PodReasonDeferred
	s.ask("128Mi")
	s.play(time.Second)
	s.ask("64Mi")
	s.play(time.Second)
	s.want("0.0: running restarts=0 limit=64Mi PodResizePending@2 Deferred", "1.0: running restarts=0 limit=64Mi")
}

func TestAContainerAboveItsLimitIsKilledUntilItMayUseThatMuch(t *testing.T) {
	s := newStage(t)
	s.usage = map[string]int64{"etcd": 100 << 20}
	s.play(5 * time.Second)
	s.ask("128Mi")
	s.play(time.Minute)
	s.want(
		"0.0: OOMKilled restarts=0 limit=64Mi",
		"0.3: running restarts=1 limit=64Mi",
		"1.3: OOMKilled restarts=1 limit=64Mi",
		"1.6: back-off 10s restarts=1 limit=64Mi",
		"5.0: running restarts=2 limit=128Mi",
	)
}

func TestAnInPlaceResizeSavesARunningContainer(t *testing.T) {
	s := newStage(t)
	s.ask("128Mi")
	s.play(time.Second)
	s.usage = map[string]int64{"etcd": 100 << 20}
	s.play(time.Minute)
	s.want("0.0: running restarts=0 limit=64Mi PodResizeInProgress@2", "0.3: running restarts=0 limit=128Mi")
}

func TestALimitIsNotDecreasedBelowTheUsage(t *testing.T) {
	s := newStage(t)
	s.usage = map[string]int64{"etcd": 50 << 20}
	s.ask("32Mi")
	s.play(5 * time.Second)
	s.usage = map[string]int64{"etcd": 20 << 20}
	s.play(5 * time.Second)
	s.want(
		"0.0: running restarts=0 limit=64Mi PodResizeInProgress@2",
		"0.3: running restarts=0 limit=64Mi PodResizeInProgress@2 Error",
		"5.0: running restarts=0 limit=32Mi",
	)
}

func TestAContainerThatAsksForItIsRestartedByAResize(t *testing.T) {
	s := newStage(t)
	s.pod.Spec.Containers[0].ResizePolicy = []corev1.ContainerResizePolicy{{ResourceName: corev1.ResourceMemory, RestartPolicy: corev1.RestartContainer}}
	s.ask("128Mi")
	s.play(time.Second)
	s.want("0.0: running restarts=0 limit=64Mi PodResizeInProgress@2", "0.3: running restarts=1 limit=128Mi")
}

func TestACoalescedKillIsCountedForTheBackOff(t *testing.T) {
	for name, tc := range map[string]struct {
		coalesce Coalescing
		want     []string
	}{
		"seen restarted": {ToRestarted, []string{
			"0.0: running restarts=1 limit=64Mi",
			"5.0: OOMKilled restarts=1 limit=64Mi",
			"5.3: back-off 10s restarts=1 limit=64Mi",
			"15.0: running restarts=2 limit=64Mi",
		}},
		"seen in back-off": {ToCrashLoop, []string{
			"0.0: back-off 10s restarts=0 limit=64Mi",
			"10.0: running restarts=1 limit=64Mi",
			"20.0: OOMKilled restarts=1 limit=64Mi",
			"20.3: back-off 20s restarts=1 limit=64Mi",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			status, killed, err := Kill(s.pod, "etcd", Death{Coalesce: tc.coalesce}, s.now)
			if err != nil {
				t.Fatal(err)
			}
			if killed != "containerd://first" {
				t.Errorf("killed is %s", killed)
			}
			s.pod.Status = status
			s.tell()
			s.play(5 * time.Second)
			if tc.coalesce == ToCrashLoop {
				s.play(15 * time.Second)
			}
			s.kill()
			s.play(15 * time.Second)
			s.want(tc.want...)
		})
	}
}

func TestReadinessFollowsTheContainersAndItsTimeChangesWithIt(t *testing.T) {
	s := newStage(t)
	s.play(time.Second)
	s.kill()
	ready := condition(&s.pod.Status, corev1.PodReady)
	if ready.Status != corev1.ConditionFalse || ready.Reason != "ContainersNotReady" || ready.Message != "containers with unready status: [etcd]" {
		t.Errorf("after the kill: %+v", ready)
	}
	s.play(10 * time.Second)
	ready = condition(&s.pod.Status, corev1.PodReady)
	if ready.Status != corev1.ConditionTrue || !ready.LastTransitionTime.Time.Equal(testStart.Add(1300*time.Millisecond)) {
		t.Errorf("after the restart: %+v", ready)
	}
}

func TestAPodThatIsDeletedOrNotRunningIsLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*corev1.Pod){
		"deleted": func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: testStart} },
		"pending": func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.kill()
			change(s.pod)
			before := s.pod.Status.DeepCopy()
			s.play(time.Minute)
			if diff := cmp.Diff(*before, s.pod.Status); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAContainerThatDoesNotRunCannotBeKilled(t *testing.T) {
	s := newStage(t)
	s.kill()
	_, _, err := Kill(s.pod, "etcd", Death{}, s.now)
	if err == nil || !strings.Contains(err.Error(), "does not run: it has terminated (OOMKilled)") {
		t.Errorf("error is %v", err)
	}
}
