using System.Net.Sockets;

namespace Sluice.Node.Doctor.Facts;

/// <summary>The files of the node. Paths are the node's own; tests keep them below another directory.</summary>
/// <param name="prefix">In front of every path; without slash at the end.</param>
internal sealed class NodeFiles(string prefix = "")
{
    public string At(string path) => prefix + path;

    public bool Exists(string path) => File.Exists(At(path)) || Directory.Exists(At(path));

    public bool IsDirectory(string path) => Directory.Exists(At(path));

    /// <summary>The content; null if the file is missing or can't be read.</summary>
    public string? Text(string path)
    {
        try
        {
            return File.ReadAllText(At(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A file of the kernel with one number; null if there is none.</summary>
    public long? Number(string path) => long.TryParse(Text(path), out long number) ? number : null;

    public UnixFileMode? Mode(string path)
    {
        try
        {
            return Exists(path) ? File.GetUnixFileMode(At(path)) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Names in a directory; none if it is missing.</summary>
    public IReadOnlyList<string> Names(string directory)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(At(directory)).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>What a symbolic link says; null if there is none.</summary>
    public string? Link(string path)
    {
        try
        {
            return new FileInfo(At(path)).LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Why a device can't be opened for reading and writing; null if it can.</summary>
    public string? OpenError(string path)
    {
        try
        {
            File.OpenHandle(At(path), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite).Dispose();
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return IsDirectory(path) ? "is a directory" : exception.InnerException?.Message ?? exception.Message;
        }
    }

    public SocketState Socket(string path)
    {
        if (!File.Exists(At(path))) return SocketState.Missing;
        using Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            connection.Connect(new UnixDomainSocketEndPoint(At(path)));
            return SocketState.Listening;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.ConnectionRefused ? SocketState.Stale : SocketState.Unknown;
        }
    }
}
