using Sluice.Formats;

namespace Sluice.Kernel.Mounts;

/// <summary>How a mount request ended, when it did not fail.</summary>
/// <param name="Done">False where there was nothing to do.</param>
/// <param name="Warning">What did not work out but does no harm to correctness.</param>
internal readonly record struct MountAnswer(bool Done, string? Warning)
{
    private const byte Succeeded = 0;
    private const byte Failed = 1;

    public void WriteTo(BinaryWriter writer)
    {
        writer.Write(Succeeded);
        writer.Write(Done);
        writer.Write(Warning ?? "");
    }

    public static void WriteFailure(BinaryWriter writer, Exception failure)
    {
        var sluice = failure as SluiceException;
        writer.Write(Failed);
        writer.Write((int)(sluice?.Error ?? SluiceError.Kernel));
        writer.Write(sluice?.Culprit ?? "mount");
        string message = failure.Message;
        if (sluice is not null) message = message[(sluice.Culprit.Length + 2)..]; // "culprit: " is put in front again
        writer.Write(message);
        writer.Write(sluice?.Hint ?? "");
    }

    /// <summary>The answer, or the exception it carries.</summary>
    public static MountAnswer ReadFrom(BinaryReader reader)
    {
        if (reader.ReadByte() == Succeeded)
        {
            bool done = reader.ReadBoolean();
            string warning = reader.ReadString();
            return new MountAnswer(done, warning.Length == 0 ? null : warning);
        }

        var error = (SluiceError)reader.ReadInt32();
        string culprit = reader.ReadString();
        string message = reader.ReadString();
        string hint = reader.ReadString();
        throw new SluiceException(error, culprit, message, hint.Length == 0 ? null : hint);
    }
}
