namespace Sluice.Storage.Disks.Uppers;

/// <summary>The directory of the writable part of a disk, as far as it is used: the seam of <see cref="IUpperFile"/> for names.</summary>
internal interface IUpperFiles
{
    /// <summary>For messages.</summary>
    string Name { get; }

    bool Exists(string name);

    /// <exception cref="Formats.SluiceException">It can't be opened, is open elsewhere for writing, or (<see cref="FileMode.CreateNew"/>) exists.</exception>
    IUpperFile Open(string name, FileMode mode);

    /// <summary>Also of a file that does not exist.</summary>
    void Delete(string name);

    /// <summary>fsync(2) of the directory: names that were made are durable.</summary>
    UpperError Sync();
}
