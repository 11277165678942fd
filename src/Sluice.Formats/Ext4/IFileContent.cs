namespace Sluice.Formats.Ext4;

/// <summary>The bytes of one file, front to back; a position that moves with every call.</summary>
public interface IFileContent
{
    /// <summary>Fills the buffer, except at the end of the file; returns how many bytes.</summary>
    int Read(Span<byte> buffer);

    /// <summary>Passes over bytes of a hole.</summary>
    void Skip(long count);
}
