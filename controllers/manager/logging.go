package manager

import (
	"io"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
)

// levels in zap's terms: logr's V(n) is zap's level -n.
func level(l configv1alpha1.LogLevel) zapcore.Level {
	switch l {
	case configv1alpha1.LogError:
		return zapcore.ErrorLevel
	case configv1alpha1.LogDebug:
		return zapcore.Level(-1)
	case configv1alpha1.LogTrace:
		return zapcore.Level(-6)
	default:
		return zapcore.InfoLevel
	}
}

// NewLogger makes the root of all loggers.
func NewLogger(l configv1alpha1.Logging, to io.Writer) logr.Logger {
	settings := zap.NewProductionEncoderConfig()
	settings.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	settings.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(settings)
	if l.Format == configv1alpha1.LogConsole {
		settings.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		settings.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(settings)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(to)), level(l.Level))
	return zapr.NewLogger(zap.New(core))
}
