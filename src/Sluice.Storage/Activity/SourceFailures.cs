using Sluice.Formats;

namespace Sluice.Storage.Activity;

/// <summary>Kinds of failures and their names in metrics, logs and the admin API.</summary>
public static class SourceFailures
{
    public static IReadOnlyList<SourceFailure> All { get; } = Enum.GetValues<SourceFailure>();

    public static string Name(this SourceFailure failure) => failure switch
    {
        SourceFailure.Missing => "missing",
        SourceFailure.Denied => "denied",
        SourceFailure.Throttled => "throttled",
        SourceFailure.Silent => "silent",
        SourceFailure.Broken => "broken",
        _ => "wrong",
    };

    /// <summary>What an exception of a source means.</summary>
    internal static SourceFailure Of(Exception exception) => exception switch
    {
        OperationCanceledException or TimeoutException or SluiceException { Error: SluiceError.Timeout } => SourceFailure.Silent,
        SluiceException { Error: SluiceError.NotFound } => SourceFailure.Missing,
        SluiceException { Error: SluiceError.Unauthorized } => SourceFailure.Denied,
        SluiceException { MayPassIn: { } pause } when pause > TimeSpan.Zero => SourceFailure.Throttled,
        _ => SourceFailure.Broken,
    };

    /// <summary>True if the place as a whole is in trouble; false if it is about the blob, or about how often it is asked.</summary>
    internal static bool IsOfPlace(Exception exception) =>
        Of(exception) == SourceFailure.Silent || (Of(exception) == SourceFailure.Broken && exception is SluiceException { MayPassIn: not null });
}
