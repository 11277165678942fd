using System.Net;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>One attempt at one host that failed. <see cref="Transient"/> ones are worth another.</summary>
internal sealed class RegistryFault(
    SluiceError error, string culprit, string message, string? hint = null, bool transient = false, TimeSpan? retryAfter = null, Exception? inner = null)
    : SluiceException(error, culprit, message, hint, inner)
{
    public bool Transient { get; } = transient;

    public override TimeSpan? MayPassIn => Transient ? RetryAfter ?? TimeSpan.Zero : null;

    /// <summary>What the host asked for.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    public HttpStatusCode? Status { get; init; }
}
