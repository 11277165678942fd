using Microsoft.Extensions.Logging;
using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Node.Logs;

namespace Sluice.Cli.Output;

/// <summary>Log lines on standard error, one an event, as a service manager expects; text or JSON. Repeated lines are counted after the first ones; nothing that looks like a secret passes.</summary>
internal sealed class StandardErrorLogger : ILoggerProvider, ILogger
{
    /// <summary>Event of the lines that say how many others were left out.</summary>
    private const int LeftOut = 90;

    /// <summary>The event whose message is free text: lines are of one kind if they are the same.</summary>
    private const int FreeText = 1;

    private readonly TextWriter _output = TextWriter.Synchronized(Console.Error);
    private readonly LineThrottle _throttle = new();
    private readonly Timer _timer;
    private readonly bool _json;
    private volatile bool _verbose;

    public StandardErrorLogger(NodeOptions options)
    {
        _json = options.JsonLog;
        _timer = new Timer(_ => SayLeftOut(), null, LineThrottle.Window, LineThrottle.Window);
        Apply(options);
    }

    /// <summary>Takes a new log level.</summary>
    public void Apply(NodeOptions options) => _verbose = options.Verbose;

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None && logLevel >= (_verbose ? LogLevel.Debug : LogLevel.Information);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        string message = formatter(state, exception) + (exception is null ? "" : $": {exception.Message}");
        var line = new LogLine(DateTimeOffset.UtcNow, logLevel, eventId.Id, message, state as IReadOnlyList<KeyValuePair<string, object?>> ?? []);
        bool mayRepeat = logLevel >= LogLevel.Warning || line.Event <= FreeText;
        if (!mayRepeat || _throttle.Admits(line.Event, line.Event <= FreeText ? message : line.Image)) Write(line);
    }

    public void Dispose()
    {
        _timer.Dispose();
        _output.Flush();
    }

    private void SayLeftOut()
    {
        foreach ((int kind, string image, long lines) in _throttle.TakeLeftOut())
        {
            string about = kind <= FreeText ? $"the line: {image}" : image.Length > 0 ? $"{image}, event {kind}" : $"event {kind}";
            Write(new LogLine(
                DateTimeOffset.UtcNow, LogLevel.Warning, LeftOut, $"{lines} more lines like this were left out in {LineThrottle.Window.TotalSeconds:0} s: {about}",
                [KeyValuePair.Create<string, object?>("Lines", lines), KeyValuePair.Create<string, object?>("Of", kind), KeyValuePair.Create<string, object?>("Image", kind <= FreeText ? "" : image)]));
        }
    }

    private void Write(LogLine line) => _output.WriteLine(Redaction.Clean(_json ? line.ToJson() : line.ToText()));
}
