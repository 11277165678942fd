using Microsoft.Extensions.Logging;
using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;

namespace Sluice.Node.Logs;

/// <summary>Events of the read path as log lines, with the image and the cause as fields.</summary>
internal static partial class ReadPathLog
{
    /// <summary>Cause of what happens when stored chunks are checked: nothing was to be fetched.</summary>
    private const string Check = "check";

    public static void Write(ILogger logger, FetchEvent happened)
    {
        (string image, string cause, string message) = (happened.Image, happened.Cause?.Name() ?? Check, happened.Message);
        switch (happened.Kind)
        {
            case FetchEventKind.Recovered:
                Recovered(logger, image, cause, message);
                break;
            case FetchEventKind.Unfetchable:
                Unfetchable(logger, image, cause, message);
                break;
            case FetchEventKind.WrongBytes:
                WrongBytes(logger, image, cause, message);
                break;
            case FetchEventKind.DeadlinePassed:
                DeadlinePassed(logger, image, cause, message);
                break;
            case FetchEventKind.StoredRot:
                StoredRot(logger, image, cause, message);
                break;
            default:
                Defect(logger, image, cause, message);
                break;
        }
    }

    [LoggerMessage(40, LogLevel.Warning, "{Image}, {Cause}: {Message}")]
    private static partial void Recovered(ILogger logger, string image, string cause, string message);

    [LoggerMessage(41, LogLevel.Error, "{Image}, {Cause}: {Message}")]
    private static partial void Unfetchable(ILogger logger, string image, string cause, string message);

    [LoggerMessage(42, LogLevel.Error, "{Image}, {Cause}: {Message}")]
    private static partial void WrongBytes(ILogger logger, string image, string cause, string message);

    [LoggerMessage(43, LogLevel.Error, "{Image}, {Cause}: {Message}")]
    private static partial void DeadlinePassed(ILogger logger, string image, string cause, string message);

    [LoggerMessage(44, LogLevel.Warning, "{Image}, {Cause}: {Message}")]
    private static partial void StoredRot(ILogger logger, string image, string cause, string message);

    [LoggerMessage(45, LogLevel.Error, "{Image}, {Cause}: {Message}")]
    private static partial void Defect(ILogger logger, string image, string cause, string message);
}
