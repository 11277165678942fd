namespace Sluice.Formats;

/// <summary>Whose fault an error is. Decides the exit code and the first word of the message.</summary>
public enum SluiceError
{
    /// <summary>The caller asked for something that makes no sense.</summary>
    Usage,

    /// <summary>The configuration file or an environment setting is wrong.</summary>
    Configuration,

    /// <summary>An image, layer or blob is corrupt, hostile or of an unknown kind.</summary>
    Image,

    /// <summary>What was asked for does not exist.</summary>
    NotFound,

    /// <summary>A registry or another source answered wrongly or not at all.</summary>
    Source,

    /// <summary>A registry refused the credentials.</summary>
    Unauthorized,

    /// <summary>A deadline passed.</summary>
    Timeout,

    /// <summary>The local cache or state directory failed.</summary>
    Disk,

    /// <summary>The kernel refused a call.</summary>
    Kernel,

    /// <summary>The container runtime refused a call.</summary>
    Runtime,
}

/// <summary>
/// The one exception family at the borders of Sluice: says what failed, whose fault it is (<see cref="Error"/> and
/// <see cref="Culprit"/>, e.g. <c>registry 10.0.0.1:5000</c>) and, where something can be done, what (<see cref="Hint"/>). What looks like a secret in them is taken out (<see cref="Redaction"/>).
/// </summary>
public class SluiceException(SluiceError error, string culprit, string message, string? hint = null, Exception? inner = null)
    : Exception(Redaction.Clean($"{culprit}: {message}"), inner)
{
    public SluiceError Error { get; } = error;

    /// <summary>Who failed: a registry host, a file, an image reference, a mount point.</summary>
    public string Culprit { get; } = Redaction.Clean(culprit);

    /// <summary>One line that says what to do, or null.</summary>
    public string? Hint { get; } = hint is null ? null : Redaction.Clean(hint);

    /// <summary>The same may work when tried again after this time: the other side is away or overloaded for the moment. Null: it won't.</summary>
    public virtual TimeSpan? MayPassIn => null;
}

/// <summary>Input that does not follow its format. The only exception that readers of <c>Sluice.Formats</c> throw for bad bytes.</summary>
/// <param name="format">Name of the format: <c>tar</c>, <c>rafs</c>, <c>oci manifest</c> …</param>
/// <param name="message">What is wrong, in one sentence.</param>
/// <param name="offset">Byte offset of the culprit in the input, or -1 when unknown.</param>
public sealed class InvalidFormatException(string format, string message, long offset = -1, Exception? inner = null)
    : SluiceException(SluiceError.Image, format, offset < 0 ? message : $"{message} (at byte {offset})", inner: inner)
{
    public string Format { get; } = format;

    public long Offset { get; } = offset;
}
